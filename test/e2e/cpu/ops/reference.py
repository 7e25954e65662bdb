#!/usr/bin/env python3
"""reference.py [--write] FILE.mlir...: the CHECK lines of the numeric tests of this folder, computed with numpy in float64 from the literals of each function and from the
descriptions in dialects/deepseek/*.td. Nothing of the compiler is used: a test compares two independent computations. Without --write it prints the lines."""
import argparse
import math
import re
import sys

import numpy as np

CASES = {}


def case(*names):
    def register(function):
        for name in names or [function.__name__]:
            CASES[name] = function
        return function
    return register


# --- storage types: the nearest value, ties to even ---

def f32(x):
    return np.asarray(x, np.float64).astype(np.float32).astype(np.float64)


def bf16(x):
    bits = np.asarray(x, np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32).astype(np.float64)


def e4m3(x):
    """3 bits of mantissa, exponents down to -6, subnormal steps of 2^-9, at most 448."""
    x = np.clip(np.asarray(x, np.float64), -448, 448)
    exponent = np.maximum(np.floor(np.log2(np.maximum(np.abs(x), 2.0**-20))), -6)
    step = 2.0 ** (exponent - 3)
    return np.rint(x / step) * step


ROUND = {"f32": f32, "bf16": bf16, "f8E4M3FN": e4m3, "i32": np.asarray, "i64": np.asarray}


# --- operations ---

def linear(x, w):
    return x @ w.T


def rms_norm(x, w, eps):
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * w


def layer_norm(x, w, b, eps):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred * centred).mean(-1, keepdims=True) + eps) * w + b


def swiglu(gate, up):
    with np.errstate(over="ignore"):
        return gate / (1 + np.exp(-gate)) * up


def softmax(x):
    e = np.exp(x - x.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def blocks(x, scales, rows, columns):
    """`scales` spread over the blocks of `x`."""
    return np.repeat(np.repeat(scales, rows, -2), columns, -1)[..., :x.shape[-2], :x.shape[-1]]


def quantize(x, rows, columns, power_of_two=False):
    scales = np.empty([*x.shape[:-2], -(-x.shape[-2] // rows), -(-x.shape[-1] // columns)])
    for index in np.ndindex(*scales.shape):
        *lead, i, j = index
        block = x[tuple(lead)][i * rows:(i + 1) * rows, j * columns:(j + 1) * columns]
        scale = f32(max(np.abs(block).max(), 1e-4) / 448)
        scales[index] = 2.0 ** math.ceil(math.log2(scale)) if power_of_two else scale
    return e4m3(x / blocks(x, scales, rows, columns)), scales


def scaled_linear(x, xs, w, ws):
    return linear(x * blocks(x, xs, 1, 128), w * blocks(w, ws, 128, 128))


def top_k(x, k):
    """Largest first, the lower index on a tie."""
    order = np.stack([np.lexsort((np.arange(row.size), -row))[:k] for row in x])
    return np.take_along_axis(x, order, -1), order


def gate(logits, top_k_count, groups=1, top_groups=1, scoring="softmax", group_score="none", normalize=False, scale=1.0, bias=None):
    scores = softmax(logits) if scoring == "softmax" else 1 / (1 + np.exp(-logits))
    choice = scores + (0 if bias is None else bias)
    if group_score != "none":
        by_group = choice.reshape(len(choice), groups, -1)
        best = by_group.max(-1) if group_score == "max" else np.sort(by_group, -1)[..., -2:].sum(-1)
        kept = np.zeros_like(best, bool)
        np.put_along_axis(kept, top_k(best, top_groups)[1], True, -1)
        choice = np.where(np.repeat(kept, by_group.shape[-1], -1), choice, -np.inf)
    indices = top_k(choice, top_k_count)[1]
    weights = np.take_along_axis(scores, indices, -1)
    return (weights / (weights.sum(-1, keepdims=True) + 1e-20) if normalize else weights) * scale, indices


def dispatch(indices, experts):
    """Source token of each sorted pair, offsets, and where each pair went."""
    tokens, choices = indices.shape
    pairs = sorted((int(indices[t, k]), t, k) for t in range(tokens) for k in range(choices))
    row_of = np.empty_like(indices)
    for row, (_, t, k) in enumerate(pairs):
        row_of[t, k] = row
    return [t for _, t, _ in pairs], np.array([sum(p[0] < e for p in pairs) for e in range(experts + 1)]), row_of


def grouped(rows, offsets, product):
    return np.concatenate([product(rows[offsets[e]:offsets[e + 1]], e) for e in range(len(offsets) - 1)])


def inverse_frequencies(dim, theta, factor=1.0, context=0, fast=32.0, slow=1.0):
    """YaRN (Peng et al. 2023, section 3.2), as DeepSeek's published model code defines the range of the blend."""
    i = np.arange(dim // 2)
    f = theta ** (-2.0 * i / dim)
    if factor == 1:
        return f

    def at(turns):
        return dim * math.log(context / (turns * 2 * math.pi)) / (2 * math.log(theta))
    low, high = max(math.floor(at(fast)), 0), min(math.ceil(at(slow)), dim - 1)
    ramp = np.clip((i - low) / (max(high - low, 0.001)), 0, 1)
    return f / factor * ramp + f * (1 - ramp)


def angles(positions, frequencies, magnitude=1.0):
    a = positions[:, None] * frequencies
    return np.stack([np.cos(a), np.sin(a)], -1) * magnitude


def rope(x, table, interleaved):
    half = x.shape[-1] // 2
    if x.ndim == 3:
        table = table[:, None]
    a, b = (x[..., 0::2], x[..., 1::2]) if interleaved else (x[..., :half], x[..., half:])
    pair = a * table[..., 0] - b * table[..., 1], a * table[..., 1] + b * table[..., 0]
    return np.stack(pair, -1).reshape(x.shape) if interleaved else np.concatenate(pair, -1)


def append(cache, layer, latent, key, positions, block_table):
    page, per_sequence = cache.shape[2], len(positions) // len(block_table)
    for t, position in enumerate(positions):
        if position >= 0:
            cache[block_table[t // per_sequence, position // page], layer, position % page] = np.concatenate([latent[t], key[t]])


def records(cache, layer, positions, block_table, t):
    page, row = cache.shape[2], block_table[t // (len(positions) // len(block_table))]
    return np.array([cache[row[j // page], layer, j % page] for j in range(positions[t] + 1)])


def mla_absorbed(q_latent, q_rope, cache, layer, positions, block_table, scale, norm=lambda c: c):
    latent, result = q_latent.shape[2], np.zeros(q_latent.shape)
    for t in range(len(positions)):
        if positions[t] < 0:
            continue
        seen = records(cache, layer, positions, block_table, t)
        c, key = norm(seen[:, :latent]), seen[:, latent:]
        result[t] = softmax((q_latent[t] @ c.T + q_rope[t] @ key.T) * scale) @ c
    return result


def mla(q_nope, q_rope, cache, layer, kv_b, positions, block_table, scale, value, norm=lambda c: c, expand=linear):
    (tokens, heads, nope), latent = q_nope.shape, cache.shape[3] - q_rope.shape[2]
    result = np.zeros([tokens, heads, value])
    for t in range(tokens):
        if positions[t] < 0:
            continue
        seen = records(cache, layer, positions, block_table, t)
        kv = expand(norm(seen[:, :latent]), kv_b).reshape(len(seen), heads, nope + value)
        for h in range(heads):
            scores = (kv[:, h, :nope] @ q_nope[t, h] + seen[:, latent:] @ q_rope[t, h]) * scale
            result[t, h] = softmax(scores) @ kv[:, h, nope:]
    return result


def sample(logits, temperature, top_k_count, top_p, seed, position):
    """One row. The random number is a function of seed and position alone."""
    if temperature <= 0:
        return int(np.argmax(logits))
    z = logits / temperature
    order = sorted(range(len(z)), key=lambda i: (-z[i], i))[:top_k_count or len(z)]
    mass = softmax(z[order])
    if top_p < 1:
        order = order[:max(int(np.searchsorted(np.cumsum(mass), top_p) + 1), 1)]
    mask = 2**64 - 1
    state = (int(seed) + 0x9E3779B97F4A7C15 * (int(position) + 1)) & mask  # splitmix64, seeded, after position + 1 steps
    state = ((state ^ (state >> 30)) * 0xBF58476D1CE4E5B9) & mask
    state = ((state ^ (state >> 27)) * 0x94D049BB133111EB) & mask
    u = ((state ^ (state >> 31)) >> 40) / 2**24
    running, weights = 0.0, {i: math.exp(z[i] - max(z)) for i in order}
    for i in sorted(order):
        running += weights[i]
        if running > u * sum(weights.values()):
            return i
    return max(order)


# --- the functions of the tests: literals in, results out ---

@case("embedding_rows", "embedding_rounds")
def embedding(c):
    rows = c.table[[t if 0 <= t < len(c.table) else 0 for t in c.tokens]]
    return (rows, "bf16") if len(c.tokens) == 1 else rows


@case("take_rows_matrix", "take_rows_vector")
def take_rows(c):
    return c.x[[r if 0 <= r < len(c.x) else 0 for r in c.rows]]


CASES["rms_norm_f32"] = CASES["rms_norm_rank3"] = lambda c: rms_norm(c.x, c.w, 1e-6)
CASES["rms_norm_eps"] = lambda c: rms_norm(c.x, c.w, 3.0)
CASES["rms_norm_bf16"] = lambda c: (rms_norm(c.x, c.w, 1e-6), "bf16")
CASES["layer_norm_f32"] = CASES["layer_norm_offset"] = lambda c: layer_norm(c.x, c.w, c.b, 1e-5)
CASES["layer_norm_bf16"] = lambda c: (layer_norm(c.x, c.w, c.b, 0.5), "bf16")
CASES["linear_plain"] = lambda c: linear(c.x, c.w)
CASES["linear_bf16"] = lambda c: (linear(c.x, c.w), "bf16")
CASES["linear_scaled"] = lambda c: scaled_linear(c.x, c.xs, c.w, c.ws)
CASES["linear_scaled_blocks"] = lambda c: scaled_linear(c.x, c.xs, c.w, c.ws)[:, 126:]
CASES["head_linear_f32"] = lambda c: np.einsum("thk,hnk->thn", c.x, c.w)
CASES["head_linear_bf16"] = lambda c: (np.einsum("thk,hnk->thn", c.x, c.w), "bf16")
CASES["add_f32"] = lambda c: c.a + c.b
CASES["add_bf16"] = lambda c: (c.a + c.b, "bf16")
CASES["swiglu_f32"] = lambda c: swiglu(c.gate, c.up)
CASES["swiglu_extreme"] = lambda c: swiglu(c.gate.astype(np.float32), c.up)  # exp overflows in f32 only
CASES["swiglu_bf16"] = lambda c: (swiglu(c.gate, c.up), "bf16")
CASES["rope_angles_plain"] = lambda c: angles(c.p, inverse_frequencies(6, 1e3))
CASES["rope_angles_far"] = lambda c: angles(c.p, inverse_frequencies(4, 7.0))
CASES["rope_angles_yarn"] = lambda c: angles(c.p, inverse_frequencies(16, 1e4, 40.0, 4096), 1.25)
CASES["rope_interleaved"] = lambda c: rope(c.x, c.angles, True)
CASES["rope_half_split"] = lambda c: rope(c.x, c.angles, False)
CASES["rope_rank2"] = lambda c: (rope(c.x, c.angles, True), "bf16")
CASES["concat_rows"] = lambda c: np.concatenate([c.a, c.b], 0)
CASES["concat_columns"] = lambda c: (np.concatenate([c.a, c.b], 1), "bf16")
CASES["stack_matrices"] = lambda c: np.stack([c.a, c.b])
CASES["absorb_key_rows"] = lambda c: c.w.reshape(2, 3, 2)[:, :2].transpose(0, 2, 1)
CASES["absorb_value_rows"] = lambda c: c.w.reshape(2, 3, 2)[:, 2:]


@case()
def absorb_scaled(c):
    w = (c.d * c.s).reshape(1, 2, 2)
    return [(w[:, :1].transpose(0, 2, 1), "bf16"), (w[:, 1:], "bf16")]


def quantized(x, *arguments):
    data, scales = quantize(x, *arguments)
    return [(data, "f8E4M3FN"), (scales, "f32", "result1")]


CASES["quantize_f32"] = lambda c: quantized(c.x, 1, 128)
CASES["quantize_ue8m0"] = lambda c: quantized(c.x, 1, 128, True)
CASES["quantize_weight"] = lambda c: quantized(c.x, 128, 128)


@case()
def quantize_blocks(c):
    data, scales = quantize(np.concatenate([c.ones[:, :127], c.tail], 1), 1, 128)
    return [(data[:, 126:], "f8E4M3FN"), scales]


CASES["dequantize_f32"] = lambda c: c.d * blocks(c.d, c.s, 1, 128)
CASES["dequantize_weight"] = lambda c: ((c.d * blocks(c.d, c.s, 128, 128))[127:, 127:], "bf16")

CASES["gate_softmax"] = lambda c: [*gate(c.logits, 3)]
CASES["gate_normalized"] = lambda c: [*gate(c.logits, 2, normalize=True, scale=2.5)]
CASES["gate_groups_max"] = lambda c: [*gate(c.logits, 3, 4, 2, "softmax", "max", scale=16.0)]
CASES["gate_groups_top2"] = lambda c: [*gate(c.logits, 2, 2, 1, "sigmoid", "top2_sum", True, 2.5, c.bias)]
CASES["gate_bias_selects"] = lambda c: [*gate(c.logits, 2, scoring="sigmoid", bias=c.bias)]
CASES["gate_masks_with_infinity"] = lambda c: [*gate(c.logits, 2, 2, 1, "sigmoid", "max", bias=c.bias)]
CASES["gate_group_tie"] = lambda c: [*gate(c.logits, 2, 2, 1, "sigmoid", "top2_sum", bias=c.bias)]
CASES["gate_infinite_logit"] = lambda c: [*gate(c.logits, 3, normalize=True)]


@case()
def dispatch_rows(c):
    source, offsets, row_of = dispatch(c.indices, 4)
    return [c.x[source], offsets, row_of]


@case()
def dispatch_scaled(c):
    source, offsets, row_of = dispatch(c.indices, 2)
    return [(c.d[source], "f8E4M3FN"), c.s[source], offsets, row_of]


CASES["grouped_plain"] = lambda c: grouped(c.rows, c.offsets, lambda x, e: linear(x, c.w[e]))
CASES["grouped_bf16"] = lambda c: (grouped(c.rows, c.offsets, lambda x, e: linear(x, c.w[e])), "bf16")
CASES["grouped_scaled"] = lambda c: grouped(c.d * c.s, c.offsets, lambda x, e: linear(x, c.wd[e] * c.ws[e]))
CASES["combine_f32"] = lambda c: (c.rows[c.where] * c.weights[..., None]).sum(1)
CASES["combine_bf16"] = lambda c: ((c.rows[c.where] * c.weights[..., None]).sum(1), "bf16")
CASES["argmax_rows"] = lambda c: c.x.argmax(-1)
CASES["top_k_rows"] = lambda c: [*top_k(c.x, 3)]
CASES["top_k_all"] = lambda c: [*top_k(c.x, 4)]


@case("sample_greedy", "sample_seeds", "sample_positions", "sample_top_k", "sample_top_p", "sample_top_k_top_p")
def sample_rows(c):
    rows = zip(c.logits, c.temperature, c.top_k, c.top_p, c.seed, c.positions)
    return np.array([sample(*row) for row in rows])


def appended(c, pages, layers, layer):
    """A cache of zeros with the literals written to it; caches come first among the printed buffers."""
    cache = np.zeros([pages, layers, 2, c.latent.shape[1] + c.key.shape[1]])
    append(cache, layer, c.latent, c.key, c.written if "written" in c else c.positions, c.table)
    return cache


CASES["append_prefill"] = lambda c: (appended(c, 3, 2, 1), "f32", "arg0")
CASES["append_decode"] = lambda c: (appended(c, 3, 2, 0), "f32", "arg0")


def attention(c, norm=lambda x: x, expand=linear, scale=0.5):
    cache = appended(c, 3, 1, 0)
    if "kv_b" in c:
        result = mla(c.q, c.q_rope, cache, 0, c.kv_b, c.positions, c.table, scale, 2, norm, expand)
    elif "data" in c:
        result = mla(c.q, c.q_rope, cache, 0, c.data, c.positions, c.table, scale, 2, norm, expand)
    else:
        result = mla_absorbed(c.q, c.q_rope, cache, 0, c.positions, c.table, scale, norm)
    return [(cache, "f32", "arg0"), (result, "f32", "result0")]


def quantized_expansion(latents, data):
    rows, scales = quantize(latents, 1, 128)
    return scaled_linear(rows, scales, data, np.array([[0.75]]))


for kind in ("mla", "absorbed"):
    CASES[f"{kind}_prefill"] = CASES[f"{kind}_decode"] = CASES[f"{kind}_padding"] = attention
    CASES[f"{kind}_rms"] = lambda c: attention(c, lambda x: rms_norm(x, c.w, 0.5))
    CASES[f"{kind}_layer"] = lambda c: attention(c, lambda x: layer_norm(x, c.w, c.b, 0.5))
CASES["mla_scaled"] = lambda c: attention(c, expand=quantized_expansion)
CASES["absorbed_large_scores"] = lambda c: attention(c, scale=400.0)


@case()
def fusion_add_norm(c):
    h = c.x + c.a
    data, scales = quantize(rms_norm(h, c.w, 1e-6), 1, 128)
    return [h, (data, "f8E4M3FN"), scales]


@case()
def fusion_rounds_inside(c):
    h = bf16(c.x + c.a)
    return [(h, "bf16"), rms_norm(h, c.w, 1e-6)]


CASES["fusion_swiglu_quantize"] = lambda c: quantized(swiglu(c.gate, c.up), 1, 128, True)
CASES["fusion_router"] = lambda c: [*gate(linear(c.x, c.w), 2)]


@case()
def fusion_rope_append(c):
    cache = np.zeros([3, 1, 2, 4])
    append(cache, 0, rms_norm(c.latent, c.w, 1e-6), rope(c.key, c.angles, True), c.positions, c.table)
    return [(cache, "f32", "arg0"), (rope(c.q, c.angles, True), "f32", "result0")]


@case()
def float8_extends(c):
    sign, exponent, mantissa = c.x >> 7, (c.x >> 3) & 15, c.x & 7
    value = np.where(exponent == 0, mantissa * 2.0**-9, (8.0 + mantissa) * 2.0 ** (exponent.astype(int) - 10))
    return np.where((c.x & 127) == 127, np.nan, np.where(sign == 1, -value, value))


@case()
def float8_truncates(c):
    fits = np.abs(c.x) <= 464
    return np.where(fits, e4m3(np.where(fits, c.x, 0)), np.nan), "exact"


# --- reading literals, writing lines ---

def parse_literal(text, type_text):
    *shape, element = type_text.split("x")
    if text.startswith('"0x'):  # bytes
        return np.frombuffer(bytes.fromhex(text[3:-1]), np.uint8).reshape([int(n) for n in shape])
    numbers = re.sub(r"0x[0-9A-Fa-f]+", lambda m: str(np.array(int(m[0], 16), np.uint32).view(np.float32)), text)
    numbers = numbers.replace("inf", "np.inf").replace("nan", "np.nan").replace("true", "1").replace("false", "0")
    kind = np.int64 if element.startswith("i") else np.float64
    return ROUND[element](np.broadcast_to(np.array(eval(numbers, {"np": np}), kind), [int(n) for n in shape]))


class Literals(dict):
    __getattr__ = dict.__getitem__


def lines_of(function, body):
    literals = Literals()
    for name, text, kind in re.findall(r"%(\w+) = arith\.constant dense<(.*?)> : tensor<([\w]+)>", body, re.S):
        literals[name] = parse_literal(text, kind)
    results = CASES[function](literals)
    results = results if isinstance(results, list) else [results]
    for index, result in enumerate(results):
        name, element, values = f"result{index}", "f32", result
        if isinstance(result, tuple):
            values, element, *rest = result
            name = rest[0] if rest else name
        values = np.asarray(values)
        if np.issubdtype(values.dtype, np.integer):
            element = "i32" if element == "f32" else element
        if element == "exact":  # of type f8E4M3FN, NaN included
            element = "f8E4M3FN"
        else:
            values = ROUND[element](values)
        shape = ", ".join(map(str, values.shape))
        yield f"{function}.{name} {element} [{shape}]"
        if not element.startswith("i") and any(f"{v * (1 + 3e-7):.5g}" != f"{v * (1 - 3e-7):.5g}" for v in values.flat if element == "f32" and np.isfinite(v) and np.frexp(v)[0] * 256 % 1):
            print(f"{function}.{name}: a value lies so near to a half that its fifth digit may round either way; choose other literals", file=sys.stderr)
        for row in values.reshape(-1, values.shape[-1]):
            yield " ".join(f"{v:.0f}" if element.startswith("i") else f"{v:.5g}" for v in row)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", action="store_true", help="replace the CHECK lines of the files")
    parser.add_argument("files", nargs="+")
    options = parser.parse_args()
    for path in options.files:
        text = re.sub(r"^// CHECK.*\n", "", open(path).read(), flags=re.M)
        parts = re.split(r"^(?=func\.func @)", text, flags=re.M)
        for index in range(1, len(parts)):
            name = re.match(r"func\.func @(\w+)", parts[index])[1]
            lines = list(lines_of(name, parts[index]))
            check = "".join(f"// CHECK{'-NEXT' if i else ''}: {line}\n" for i, line in enumerate(lines))
            if not options.write:
                print(check, end="")
            parts[index] = check + parts[index]
        if options.write:
            open(path, "w").write("".join(parts))


main()
