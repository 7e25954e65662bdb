#!/usr/bin/env python3
"""Times torch on the cases of `deepseek-bench --op`, by its method, on a GPU machine.

  torch_peers.py --cases DIR/cases.json --json torch.json [--filter REGEX]

`deepseek-bench --op all --prepare DIR` writes the list. Each time is the median of single runs between two events, each after 512 MiB have been read that nobody needs: 15 runs, 9 of more than 1 ms and 5
of more than 3 ms, all enqueued before the host waits, so that the GPU never waits for the host; inputs are random normal. Whoever can do a case takes part, the fastest is kept and named:
  linear-*      cuBLAS: torch.mm; torch._scaled_mm with scales for 1x128 and 128x128 blocks (not fewer than three rows: cuBLAS has no kernel)
  grouped-bf16  torch: grouped_mm, rows routed as cases.json says
  mla-prefill   cuDNN, and flash attention with values padded to 192 columns. Over a history two calls, of the history and of the chunk: no call masks the last rows of a longer sequence. Joining
                their results is not counted, and keys are given with their rope part repeated for every head, which the kernels beside it do themselves
  row-fusion, sample  torch: chains of plain operations, for orientation
"""
import argparse
import json
import math
import re
import statistics
import sys
import time

import torch
import torch.nn.functional as F

RUNS = ((1e3, 15), (3e3, 9), (math.inf, 5)) # runs of a case that takes up to so many us


class Timer:
    def __init__(self):
        self.unread = torch.ones(512 << 18, dtype=torch.float32, device="cuda")

    def enqueue(self, run):
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        self.unread.sum()
        begin.record()
        run()
        end.record()
        return begin, end

    def microseconds(self, run):
        def times(count):
            pairs = [self.enqueue(run) for _ in range(count)]
            torch.cuda.synchronize()
            return [begin.elapsed_time(end) * 1e3 for begin, end in pairs]
        times(1) # compiles, and fills caches of plans
        once = times(1)[0]
        return statistics.median(times(next(count for most, count in RUNS if once <= most)))


def normal(*shape, dtype=torch.bfloat16):
    return torch.randn(*shape, device="cuda", dtype=torch.float32 if dtype == torch.float8_e4m3fn else dtype).to(dtype)


def blocks(size):
    return (size + 127) // 128


def linear_bf16(c, _):
    x, w, d = normal(c["m"], c["k"]), normal(c["n"], c["k"]), torch.empty(c["m"], c["n"], device="cuda", dtype=torch.bfloat16)
    yield "cuBLAS", lambda: torch.mm(x, w.t(), out=d)


def linear_fp8(c, _):
    m, n, k = c["m"], c["n"], c["k"]
    x, w = normal(m, k, dtype=torch.float8_e4m3fn), torch.empty(n, k, device="cuda", dtype=torch.float8_e4m3fn)
    for first in range(0, n, 8192): # a matrix of 129280 x 7168 in f32 would take 3.7 GB
        w[first:first + 8192] = normal(min(8192, n - first), k, dtype=torch.float8_e4m3fn)
    x_scales = torch.rand(blocks(k), m, device="cuda").t() # rows are the fast dimension, as cuBLAS wants it
    w_scales = torch.rand(blocks(n), blocks(k), device="cuda").t()
    yield "cuBLAS", lambda: torch._scaled_mm(x, w.t(), scale_a=x_scales, scale_b=w_scales, out_dtype=torch.bfloat16)


def grouped_bf16(c, case):
    ends = torch.tensor(case["offsets"][1:], device="cuda", dtype=torch.int32)
    x, w = normal(case["offsets"][-1], c["k"]), normal(c["groups"], c["n"], c["k"])
    product = getattr(F, "grouped_mm", None) or torch._grouped_mm
    yield "torch", lambda: product(x, w.transpose(1, 2), offs=ends)


def mla_prefill(c, _):
    from torch.nn.attention import SDPBackend, sdpa_kernel
    heads, chunk, history = c["heads"], c["chunk"], c.get("history", 0)

    def rows(count, width): # token by token, as a layer's projections leave them
        return normal(1, count, heads, width).transpose(1, 2)
    q = rows(chunk, 192)
    parts = [(rows(count, 192), rows(count, 128), causal) for count, causal in ((history, False), (chunk, True)) if count]

    def attention(backend, padding):
        values = [F.pad(v, (0, padding)) for _, v, _ in parts]

        def run():
            with sdpa_kernel([backend]):
                for (k, _, causal), v in zip(parts, values):
                    F.scaled_dot_product_attention(q, k, v, is_causal=causal, scale=192 ** -0.5)
        return run
    yield "cuDNN", attention(SDPBackend.CUDNN_ATTENTION, 0)
    if history + chunk <= 16384: # slower everywhere; the copies of longer values would not fit
        yield "FlashAttention", attention(SDPBackend.FLASH_ATTENTION, 64)


def quantize(x):
    blocked = x.float().unflatten(-1, (-1, 128))
    scales = blocked.abs().amax(-1).clamp(min=1e-4) / 448
    return (blocked / scales.unsqueeze(-1)).to(torch.float8_e4m3fn), scales


def row_fusion(c, _):
    rows, columns = c["rows"], c.get("columns", 7168)
    if c["kind"] == "add-norm-quantize":
        x, y, w = normal(rows, columns), normal(rows, columns), normal(columns)
        yield "torch", lambda: quantize(F.rms_norm(x + y, (columns,), w, 1e-6))
    elif c["kind"] == "swiglu-quantize":
        x, y = normal(rows, columns), normal(rows, columns)
        yield "torch", lambda: quantize(F.silu(x) * y)
    elif c["kind"] == "embedding":
        table, tokens = normal(129280, columns), torch.randint(129280, (rows,), device="cuda")
        yield "torch", lambda: F.embedding(tokens, table)


def sample(c, _):
    logits = normal(c["rows"], c.get("vocab", 129280), dtype=torch.float32)

    def top_p():
        values, order = torch.sort(torch.softmax(logits, -1), descending=True)
        values = torch.where(values.cumsum(-1) - values < 0.9, values, 0)
        return order.gather(-1, torch.multinomial(values, 1))
    yield "torch", (lambda: logits.argmax(-1)) if c.get("mode") == "greedy" else top_p


PEERS = {"linear-bf16": linear_bf16, "linear-fp8": linear_fp8, "grouped-bf16": grouped_bf16, "mla-prefill": mla_prefill, "row-fusion": row_fusion, "sample": sample}


def fields(case):
    pairs = (word.split("=") for word in case.split()[1:])
    return {name: int(value) if value.isdigit() else value for name, value in pairs}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", required=True, help="JSON list of objects with a field `case`")
    parser.add_argument("--json", required=True)
    parser.add_argument("--filter", default="")
    parser.add_argument("--seconds", type=float, default=1e9, help="begin no case after this time")
    options = parser.parse_args()
    device = torch.cuda.get_device_properties(0)
    gpu, timer, results, start = f"{device.name} GPU-{device.uuid}", Timer(), [], time.monotonic()
    for case in json.load(open(options.cases)):
        peer = PEERS.get(case["case"].split()[0])
        if not peer or case.get("kernel") or not re.search(options.filter, case["case"]) or time.monotonic() - start > options.seconds:
            continue
        best, reasons = None, []
        try:
            for by, run in peer(fields(case["case"]), case):
                try:
                    us = timer.microseconds(run)
                    best = (us, by) if best is None or us < best[0] else best
                except (RuntimeError, ValueError) as error:
                    reasons.append(str(error).splitlines()[0])
        except (RuntimeError, ValueError) as error:
            reasons.append(str(error).splitlines()[0])
        torch.cuda.empty_cache()
        if best:
            results.append({"case": case["case"], "by": best[1], "us": best[0], "gpu": gpu, "torch": torch.__version__})
        print(f"{case['case']:64} " + (f"{best[0]:9.2f} us  {best[1]}" if best else f"no result: {'; '.join(reasons)}"), flush=True)
        with open(options.json, "w") as out:
            json.dump(results, out, indent=1)


sys.exit(main())
