#!/usr/bin/env python3
"""Times matrix products beside torch's (cuBLAS), cold L2, in one run on one GPU.

  bench_matmul.py prepare OUT [--build build] [--rows 1,64]     where the compiler is: OUT/matmul.so, its functions and the bench tool
  bench_matmul.py run OUT [--rows 1,64]                         on a GPU machine with torch: a table and OUT/matmul.json

Shapes: weights (n, k) of DeepSeek-V3's layers, m rows of activations, bf16. Each time is the median of 30 runs with the L2 cache overwritten before each. Correctness of the
same kernels is test/e2e/gpu/{gemm,skinny-gemm}.mlir.
"""
import argparse
import json
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
WEIGHTS = [(2112, 7168), (576, 7168), (24576, 1536), (7168, 2048), (4096, 7168), (7168, 16384)]
ROWS = [1, 8, 16, 64, 128, 512, 4096]


def prepare(out, build, row_counts):
    out.mkdir(parents=True, exist_ok=True)
    functions = []
    for n, k in WEIGHTS:
        for m in row_counts:
            functions.append(f"func.func @m{m}_n{n}_k{k}(%x: tensor<{m}x{k}xbf16>, %w: tensor<{n}x{k}xbf16>) -> tensor<{m}x{n}xbf16> {{\n"
                             f"  %y = deepseek.linear %x, %w : tensor<{m}x{k}xbf16>, tensor<{n}x{k}xbf16> -> tensor<{m}x{n}xbf16>\n"
                             f"  return %y : tensor<{m}x{n}xbf16>\n}}\n")
    (out / "matmul.mlir").write_text("".join(functions))
    subprocess.run([build / "bin/deepseek-compile", out / "matmul.mlir", "--target=sm_90a", "-o", out / "matmul.so"], check=True)
    shutil.copy(build / "bin/deepseek-bench", out)


def torch_seconds(m, n, k):
    import torch
    x, w = torch.randn(m, k, device="cuda", dtype=torch.bfloat16), torch.randn(n, k, device="cuda", dtype=torch.bfloat16)
    flush, times = torch.empty(256 << 20, dtype=torch.int8, device="cuda"), []
    for _ in range(35):
        flush.zero_()
        begin, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
        begin.record()
        torch.nn.functional.linear(x, w)
        end.record()
        torch.cuda.synchronize()
        times.append(begin.elapsed_time(end) * 1e3)
    return sorted(times[5:])[15]


def run(out, row_counts):
    rows = []
    for n, k in WEIGHTS:
        for m in row_counts:
            name = f"m{m}_n{n}_k{k}"
            result = subprocess.run(["./deepseek-bench", "matmul.so", "--entry", name, "--repeat", "30", "--cold", "--timeout", "60"],
                                    cwd=out, capture_output=True, text=True, timeout=120)
            found = re.search(r": ([0-9.]+) us", result.stdout)
            ours = float(found.group(1)) if found else float("nan")
            theirs = torch_seconds(m, n, k)
            rows.append({"m": m, "n": n, "k": k, "us": ours, "torch_us": theirs})
            print(f"{m:5d} x {n:6d} x {k:6d}  {ours:8.1f} us  torch {theirs:8.1f} us  ratio {theirs / ours:5.2f}  "
                  f"{2e-6 * m * n * k / ours:7.1f} TFLOP/s {2e-6 * (n * k + m * k + m * n) / ours:5.2f} TB/s", flush=True)
    (out / "matmul.json").write_text(json.dumps(rows, indent=1))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("step", choices=["prepare", "run"])
    parser.add_argument("out", type=pathlib.Path)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--rows", default=ROWS, type=lambda text: [int(m) for m in text.split(",")], help="activations' rows, separated by commas")
    options = parser.parse_args()
    if options.step == "prepare":
        prepare(options.out, options.build, options.rows)
    else:
        run(options.out.resolve(), options.rows)


sys.exit(main())
