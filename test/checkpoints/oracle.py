"""Forward pass of a DeepSeek-V2 or V3 checkpoint in float64, with numpy: what the goldens are, and what rounding does to them.

`Oracle(path)` computes exactly (to float64). `Oracle(path, rounding=Rounding(seed))` keeps in bf16 what a compiled model with bf16 activations keeps in bf16, rounded at random
to one of the two neighbours (Monte Carlo arithmetic): each seed is one run of an ideal bf16 machine. Accumulation stays float64.
FP8 checkpoints quantise activations per token and 128 channels and dequantise weights per 128x128 block, as DeepSeek-V3 does online.
"""
import json
import math
import pathlib

import ml_dtypes
import numpy as np

DTYPES = {"BF16": ml_dtypes.bfloat16, "F16": np.float16, "F32": np.float32, "F8_E4M3": ml_dtypes.float8_e4m3fn}


def read_safetensors(path):
    data = np.memmap(path, np.uint8, "r")
    size = int(data[:8].view(np.uint64)[0])
    header = json.loads(bytes(data[8:8 + size]))
    header.pop("__metadata__", None)
    return {name: data[8 + size + t["data_offsets"][0]:8 + size + t["data_offsets"][1]].view(DTYPES[t["dtype"]]).reshape(t["shape"])
            for name, t in header.items()}


class Rounding:
    """Stochastic rounding to bf16: down or up in proportion to the distance, so without bias."""

    def __init__(self, seed):
        self.random = np.random.default_rng(seed)

    def __call__(self, x):
        bits = x.astype(np.float32).view(np.uint32).astype(np.uint64)
        bits = (bits + self.random.integers(0, 1 << 16, x.shape, np.uint64)) & np.uint64(0xffff0000)
        return bits.astype(np.uint32).view(np.float32).astype(np.float64)


def exactly(x):
    return x


class Oracle:
    def __init__(self, path, rounding=exactly, absorbed=False):
        path = pathlib.Path(path)
        self.config = json.loads((path / "config.json").read_text())
        self.tensors = {}
        for file in sorted(path.glob("model*.safetensors")):
            self.tensors |= read_safetensors(file)
        quantization = self.config.get("quantization_config") or {}
        self.fp8, self.ue8m0 = quantization.get("quant_method") == "fp8", quantization.get("scale_fmt") == "ue8m0"
        self.round, self.absorbed, self.weights = rounding, absorbed, {}
        self.set_up_rope()

    def set_up_rope(self):
        c = self.config
        scaling = c.get("rope_scaling") or c.get("rope_parameters") or {}
        theta = float(c.get("rope_theta") or scaling.get("rope_theta", 10000.0))
        d = c["qk_rope_head_dim"]
        self.frequencies = theta ** (-np.arange(0, d, 2) / d)
        self.magnitude, self.scale = 1.0, (c["qk_nope_head_dim"] + d) ** -0.5
        if scaling.get("rope_type", scaling.get("type", "default")) != "yarn":
            return
        factor, context = float(scaling["factor"]), scaling["original_max_position_embeddings"]
        turns = lambda rotations: d * math.log(context / (rotations * 2 * math.pi)) / (2 * math.log(theta))
        low = max(math.floor(turns(scaling.get("beta_fast", 32))), 0)
        high = min(math.ceil(turns(scaling.get("beta_slow", 1))), d - 1)
        ramp = np.clip((np.arange(d // 2) - low) / (high - low if high > low else 0.001), 0, 1)
        self.frequencies = self.frequencies / factor * ramp + self.frequencies * (1 - ramp)
        magnitude = lambda m: 1.0 if factor <= 1 else 0.1 * m * math.log(factor) + 1.0
        m, m_all = scaling.get("mscale", 0) or 0, scaling.get("mscale_all_dim", 0) or 0
        self.magnitude = magnitude(m) / magnitude(m_all) if m and m_all else magnitude(1.0)
        if m_all:
            self.scale *= magnitude(m_all) ** 2

    def weight(self, name):
        """[out, in] in float64, dequantised."""
        if name not in self.weights:
            w = self.tensors[name + ".weight"].astype(np.float64)
            if name + ".weight_scale_inv" in self.tensors:
                s = self.tensors[name + ".weight_scale_inv"].astype(np.float64)
                w = w * s.repeat(128, 0)[:w.shape[0]].repeat(128, 1)[:, :w.shape[1]]
            self.weights[name] = w
        return self.weights[name]

    def vector(self, name):
        return self.tensors[name].astype(np.float64)

    def quantize(self, x):
        """What block-scaled FP8 keeps of x: s = max(|x| over 128 channels, 1e-4) / 448, e4m3(x / s) * s."""
        k = x.shape[-1]
        blocks = np.pad(x, ((0, 0), (0, -k % 128))).reshape(len(x), -1, 128).astype(np.float32)
        scales = np.maximum(np.abs(blocks).max(-1, keepdims=True), np.float32(1e-4)) / np.float32(448)
        if self.ue8m0:
            scales = np.exp2(np.ceil(np.log2(scales)))
        values = (blocks / scales).astype(ml_dtypes.float8_e4m3fn).astype(np.float64) * scales.astype(np.float64)
        return values.reshape(len(x), -1)[:, :k]

    def linear(self, x, name, keep=exactly):
        quantized = name + ".weight_scale_inv" in self.tensors
        return keep((self.quantize(x) if quantized else x) @ self.weight(name).T)

    def norm(self, x, name):
        return self.round(x / np.sqrt((x * x).mean(-1, keepdims=True) + self.config["rms_norm_eps"]) * self.vector(name + ".weight"))

    def rope(self, x):
        """Rotates interleaved pairs of [..., T, d]."""
        angles = np.arange(x.shape[-2])[:, None] * self.frequencies
        cos, sin = (f(angles) * self.magnitude for f in (np.cos, np.sin))
        even, odd = x[..., 0::2], x[..., 1::2]
        return self.round(np.stack((even * cos - odd * sin, even * sin + odd * cos), -1).reshape(x.shape))

    def probabilities(self, scores):
        """Softmax over earlier positions, as a pair (numerators, their sums)."""
        scores = np.where(np.tri(scores.shape[-1], dtype=bool), scores * self.scale, -np.inf)
        p = np.exp(scores - scores.max(-1, keepdims=True))
        return self.round(p), p.sum(-1, keepdims=True)

    def attention(self, x, p):
        c = self.config
        heads, nope, value, rank = c["num_attention_heads"], c["qk_nope_head_dim"], c["v_head_dim"], c["kv_lora_rank"]
        if c.get("q_lora_rank"):
            q = self.linear(self.norm(self.linear(x, p + "q_a_proj", self.round), p + "q_a_layernorm"), p + "q_b_proj", self.round)
        else:
            q = self.linear(x, p + "q_proj", self.round)
        q = q.reshape(len(x), heads, -1).swapaxes(0, 1)
        q_nope, q_rope = q[..., :nope], self.rope(q[..., nope:])
        compressed = self.linear(x, p + "kv_a_proj_with_mqa", self.round)
        latent, k_rope = self.norm(compressed[:, :rank], p + "kv_a_layernorm"), self.rope(compressed[:, rank:])
        if self.absorbed:
            factors = self.weight(p + "kv_b_proj").reshape(heads, nope + value, rank)
            q_latent = self.round(q_nope @ factors[:, :nope])
            weights, sums = self.probabilities(q_latent @ latent.T + q_rope @ k_rope.T)
            out = self.round(self.round(weights @ latent / sums) @ factors[:, nope:].swapaxes(1, 2))
        else:
            kv = self.linear(latent, p + "kv_b_proj", self.round).reshape(len(x), heads, -1).swapaxes(0, 1)
            weights, sums = self.probabilities(q_nope @ kv[..., :nope].swapaxes(1, 2) + q_rope @ k_rope.T)
            out = self.round(weights @ kv[..., nope:] / sums)
        return self.linear(out.swapaxes(0, 1).reshape(len(x), heads * value), p + "o_proj")

    def mlp(self, x, p):
        gate, up = self.linear(x, p + "gate_proj", self.round), self.linear(x, p + "up_proj", self.round)
        return self.linear(self.round(gate / (1 + np.exp(-gate)) * up), p + "down_proj")

    def route(self, x, p):
        """Experts and their weights, both [T, K]."""
        c, logits = self.config, x @ self.vector(p + "gate.weight").T
        is_v3 = c.get("topk_method") == "noaux_tc" or c["model_type"] == "deepseek_v3"
        if is_v3:
            scores = 1 / (1 + np.exp(-logits))
            pick = scores + self.vector(p + "gate.e_score_correction_bias")
        else:
            e = np.exp(logits - logits.max(-1, keepdims=True))
            pick = scores = e / e.sum(-1, keepdims=True)
        best = lambda values, count: np.argsort(-values, -1, kind="stable")[:, :count]
        groups, kept = c.get("n_group") or 1, c.get("topk_group") or 1
        if groups > 1 and (is_v3 or c.get("topk_method") == "group_limited_greedy"):
            grouped = pick.reshape(len(x), groups, -1)
            group_scores = np.sort(grouped, -1)[..., -2:].sum(-1) if is_v3 else grouped.max(-1)
            mask = np.zeros(group_scores.shape, bool)
            np.put_along_axis(mask, best(group_scores, kept), True, -1)
            pick = np.where(mask[..., None], grouped, -np.inf).reshape(len(x), -1)
        experts = best(pick, c["num_experts_per_tok"])
        weights = np.take_along_axis(scores, experts, -1)
        if is_v3 and c.get("norm_topk_prob", True):
            weights = weights / (weights.sum(-1, keepdims=True) + 1e-20)
        return experts, weights * c.get("routed_scaling_factor", 1.0)

    def moe(self, x, p):
        experts, weights = self.route(x, p)
        y = self.mlp(x, p + "shared_experts.")
        for expert in np.unique(experts):
            tokens, slot = np.where(experts == expert)
            y[tokens] += self.mlp(x[tokens], f"{p}experts.{expert}.") * weights[tokens, slot, None]
        return y

    def forward(self, tokens):
        """Logits [T, vocab] of a sequence."""
        x = self.vector("model.embed_tokens.weight")[np.asarray(tokens)]
        for layer in range(self.config["num_hidden_layers"]):
            p = f"model.layers.{layer}."
            x = x + self.attention(self.norm(x, p + "input_layernorm"), p + "self_attn.")
            dense = layer < self.config["first_k_dense_replace"]
            x = x + (self.mlp if dense else self.moe)(self.norm(x, p + "post_attention_layernorm"), p + "mlp.")
        return self.norm(x, "model.norm") @ self.vector("lm_head.weight").T
