#!/usr/bin/env python3
"""Random shapes of the kernel families, compared on a GPU with the CPU artefact.

  fuzz.py prepare [--count 1000] [--seed 1] [--out build/gpu-fuzz] [--build build]   where the compiler is; writes also build/gpu-fuzz.tar.xz
  fuzz.py run build/gpu-fuzz [--log FOLDER] [--jobs N]                               on the GPU machine
  fuzz.py show --seed 1 CASE                                                         the function of one case, to reproduce it alone

A case is one function without schedules, so that the cost model's choice is tested with it: products (dense, batched, grouped, bf16 and block-scaled), decode and prefill attention, routing and sorting, top_k, transpose, block_quantize,
norms and swiglu; not sample, cache_gather, the quantised cache and other row programs. Sizes are drawn on a logarithmic scale, half of them multiples
of the hardware's units, the rest anything; elements are random, outputs and workspace poisoned, a second run must give the same bits (deepseek-bench --against). Prints the functions that failed and, last, 'N passed, N failed'.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import prepare

CASES_PER_ARTIFACT = 25
WORK = 1 << 27 # multiply-adds of a case at most: the CPU computes it too


class Draw:
    """Random sizes."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def size(self, least, most, unit=1):
        """Logarithmic; half of the draws are multiples of `unit`."""
        value = int(round(least * (most / least) ** self.random.random()))
        if unit > 1 and self.random.random() < 0.5:
            value = max(unit, value // unit * unit)
        return min(max(value, least), most)

    def __call__(self, *choices):
        return self.random.choice(choices)


def ceil_div(a, b):
    return -(-a // b)


def tensor(*sizes, type):
    return f"tensor<{'x'.join(map(str, sizes))}x{type}>"


class Function:
    """MLIR text of one function under construction, and the ranges of its inputs."""

    def __init__(self, name):
        self.name, self.arguments, self.lines, self.ranges, self.options = name, [], [], {}, []

    def argument(self, type, bounds=None):
        index = len(self.arguments)
        self.arguments.append(type)
        if bounds:
            self.ranges[f"{self.name}.arg{index}"] = bounds
        return f"%a{index}"

    def line(self, text):
        self.lines.append("  " + text)

    def text(self, values, types):
        arguments = ", ".join(f"%a{i}: {type}" for i, type in enumerate(self.arguments))
        body = "\n".join(self.lines)
        return f"func.func @{self.name}({arguments}) -> ({', '.join(types)}) {{\n{body}\n  return {', '.join(values)} : {', '.join(types)}\n}}\n"


def product_sizes(draw, rows):
    m = draw.size(1, rows, 8)
    n, k = draw.size(1, 3000, 64), draw.size(8, 6000, 128)
    while m * n * k > WORK:
        n, k = max(1, n // 2), max(8, k // 2)
    return m, n, k


def gemm(f, draw):
    m, n, k = product_sizes(draw, 700)
    scaled = draw(False, False, True)
    output = draw("bf16", "bf16", "f32")
    heads = draw(1, 1, 1, draw.size(2, 20)) if not scaled else 1
    element = "f8E4M3FN" if scaled else "bf16"
    if heads > 1:
        n, k = max(1, n // heads), max(8, k // 4)
        a, b, d = tensor(m, heads, k, type=element), tensor(heads, n, k, type=element), tensor(m, heads, n, type=output)
    else:
        a, b, d = tensor(m, k, type=element), tensor(n, k, type=element), tensor(m, n, type=output)
    x, w = f.argument(a), f.argument(b)
    scales, types = "", ""
    if scaled:
        sa, sb = tensor(m, ceil_div(k, 128), type="f32"), tensor(ceil_div(n, 128), ceil_div(k, 128), type="f32")
        scales, types = f" scales({f.argument(sa)}, {f.argument(sb)})", f" scales({sa}, {sb})"
        if output == "f32": # the width of the FP8 tensor core's accumulator, see gemm.mlir
            f.options += ["--tolerance", str(4 * 2**-13)]
    op = draw("gemm", "gemm", "gemm", "skinny_gemm")
    f.line(f"%0 = kernel.{op} {x}, {w}{scales} : {a}, {b}{types} -> {d}")
    return f.text(["%0"], [d])


def grouped_gemm(f, draw):
    groups, top = draw.size(1, 80), draw.size(1, 8)
    tokens = draw.size(1, 300)
    top = min(top, groups)
    m = tokens * top
    n, k = draw.size(1, 1500, 64), draw.size(8, 2000, 128)
    while m * n * k > WORK or groups * n * k > WORK:
        n, k = max(1, n // 2), max(8, k // 2)
    scaled = draw(False, False, True)
    element, output = ("f8E4M3FN" if scaled else "bf16"), draw("bf16", "bf16", "f32")
    a, i, b, d = tensor(m, k, type=element), tensor(tokens, top, type="i32"), tensor(groups, n, k, type=element), tensor(m, n, type=output)
    last = draw(groups - 1, groups - 1, draw.size(1, groups) - 1) # sometimes only the first groups get rows
    x, choice, w = f.argument(a), f.argument(i, (0, last)), f.argument(b)
    scales, types = "", ""
    if scaled:
        sa, sb = tensor(m, ceil_div(k, 128), type="f32"), tensor(groups, ceil_div(n, 128), ceil_div(k, 128), type="f32")
        scales, types = f" scales({f.argument(sa)}, {f.argument(sb)})", f" scales({sa}, {sb})"
        if output == "f32":
            f.options += ["--tolerance", str(4 * 2**-13)]
    o = tensor(groups + 1, type="i32")
    f.line(f"%o, %r, %t = kernel.sort_tokens {choice} groups {groups} : {i} -> {o}, {i}, {tensor(m, type='i32')}")
    f.line(f"%0 = kernel.grouped_gemm {x}, %o, {w}{scales} : {a}, {o}, {b}{types} -> {d}")
    return f.text(["%0"], [d])


def mla_decode(f, draw):
    heads = draw(1, 3, 8, 16, 16, 32, 64, 128, 128, draw.size(1, 130))
    latent, rope = draw((512, 64), (512, 64), (512, 64), (128, 16), (80, 16), (256, 32), (448, 64), (512, 32))
    sequences, tokens = draw.size(1, 9), draw(1, 1, 2, 3)
    page, pages = draw(64, 64, 64, 32, 128), draw.size(1, 24)
    positions = pages * page
    while sequences * tokens * heads * positions * (latent + rope) > 4 * WORK:
        heads = max(1, heads // 2)
    tokens *= sequences
    types = [tensor(tokens, heads, latent, type="bf16"), tensor(tokens, heads, rope, type="bf16"),
             f"memref<?x{draw(1, 2)}x{page}x{latent + rope}xbf16>", tensor(tokens, type="i32"), tensor(sequences, pages, type="i32")]
    bounds = [None, None, None, draw((0, positions - 1), (-1, positions - 1), (positions // 2, positions - 1)), (0, 7)]
    q, r, c, p, b = (f.argument(type, bound) for type, bound in zip(types, bounds))
    d = tensor(tokens, heads, latent, type="bf16")
    f.line(f"%0 = kernel.mla_decode {q}, {r}, {c}[0] at {p}, {b} scale {draw(0.02, 0.05, 0.3)} : {', '.join(types)} -> {d}")
    return f.text(["%0"], [d])


def mla_prefill(f, draw):
    heads = draw(1, 2, 4, draw.size(1, 16))
    nope, rope, value = draw((128, 64, 128), (128, 64, 128), (32, 16, 32), (64, 32, 64), (128, 64, 64))
    sequences, chunk = draw(1, 1, 2, 3), draw.size(1, 300, 64)
    keys = draw.size(16, 1200, 64)
    tokens = sequences * chunk
    types = [tensor(tokens, heads, nope, type="bf16"), tensor(tokens, heads, rope, type="bf16"), tensor(sequences * keys, heads, nope + value, type="bf16"),
             tensor(sequences * keys, rope, type="bf16"), tensor(tokens, type="i32")]
    bounds = [None, None, None, None, draw((0, keys - 1), (-1, keys - 1), (keys // 2, keys - 1))]
    n, r, kv, k, p = (f.argument(type, bound) for type, bound in zip(types, bounds))
    d = tensor(tokens, heads, value, type="bf16")
    f.line(f"%0 = kernel.mla_prefill {n}, {r}, {kv}, {k} at {p} sequences {sequences} scale {draw(0.07, 0.2)} : {', '.join(types)} -> {d}")
    return f.text(["%0"], [d])


def route(f, draw):
    groups = draw(1, 1, 4, 8)
    experts = groups * draw.size(max(2, 8 // groups), 512 // groups)
    chosen_groups = 1 if groups == 1 else draw.size(1, groups)
    top = draw.size(1, min(16, chosen_groups * experts // groups))
    tokens = draw.size(1, 700)
    logits, indices, weights = tensor(tokens, experts, type="f32"), tensor(tokens, top, type="i32"), tensor(tokens, top, type="f32")
    x = f.argument(logits)
    sigmoid = draw(True, False)
    bias, bias_type = "", ""
    if sigmoid and draw(True, False):
        bias_type = tensor(experts, type="f32")
        bias = f" bias {f.argument(bias_type)}"
        bias_type = f", {bias_type}"
    how = "none" if groups == 1 else draw("max", "top2_sum")
    f.line(f"%w, %i = kernel.route {x}{bias} {{topK = {top}, nGroup = {groups}, topkGroup = {chosen_groups}, score = #kernel<route_score {'sigmoid' if sigmoid else 'softmax'}>, "
           f"group = #kernel<route_group {how}>, normalize = {str(draw(True, False)).lower()}, scale = {draw(1.0, 2.5, 16.0)}}} : {logits}{bias_type} -> {weights}, {indices}")
    sort = draw(True, False)
    if not sort:
        return f.text(["%w", "%i"], [weights, indices])
    o, t = tensor(experts + 1, type="i32"), tensor(tokens * top, type="i32")
    f.line(f"%o, %r, %t = kernel.sort_tokens %i groups {experts} : {indices} -> {o}, {indices}, {t}")
    return f.text(["%w", "%i", "%o", "%r", "%t"], [weights, indices, o, indices, t])


def top_k(f, draw):
    rows, columns = draw.size(1, 300), draw.size(1, 3000)
    k = draw.size(1, min(columns, 32))
    x, v, i = tensor(rows, columns, type="f32"), tensor(rows, k, type="f32"), tensor(rows, k, type="i32")
    f.options += ["--tolerance", "1e-12"]
    f.line(f"%v, %i = kernel.top_k {f.argument(x)} k {k} : {x} -> {v}, {i}")
    return f.text(["%v", "%i"], [v, i])


def transpose(f, draw):
    rows, columns = draw.size(1, 2000, 64), draw.size(1, 2000, 64)
    x, y = tensor(rows, columns, type="bf16"), tensor(columns, rows, type="bf16")
    f.options += ["--tolerance", "1e-12"]
    f.line(f"%y = kernel.transpose {f.argument(x)} : {x} -> {y}")
    return f.text(["%y"], [y])


def block_quantize(f, draw):
    rows, columns = draw.size(1, 900, 128), draw.size(1, 2000, 128)
    x, d, s = tensor(rows, columns, type="bf16"), tensor(rows, columns, type="f8E4M3FN"), tensor(ceil_div(rows, 128), ceil_div(columns, 128), type="f32")
    f.options += ["--tolerance", "1e-12"]
    f.line(f"%d, %s = kernel.block_quantize {f.argument(x)} : {x} -> {d}, {s}")
    return f.text(["%d", "%s"], [d, s])


def row_norm(f, draw):
    """rms_norm of a sum, with or without quantisation, through the model's own lowering."""
    rows, columns = draw.size(1, 600), draw.size(8, 8000, 128)
    x, w = tensor(rows, columns, type="bf16"), tensor(columns, type="bf16")
    a, b, g = f.argument(x), f.argument(x), f.argument(w)
    f.line(f"%s = deepseek.add {a}, {b} : {x}")
    f.line(f"%n = deepseek.rms_norm %s, {g} eps 1.0e-06 : {x}, {w} -> {x}")
    return f.text(["%s", "%n"], [x, x])


def swiglu(f, draw):
    rows, columns = draw.size(1, 600), draw.size(8, 8000, 128)
    x = tensor(rows, columns, type="bf16")
    f.line(f"%0 = deepseek.swiglu {f.argument(x)}, {f.argument(x)} : {x}, {x} -> {x}")
    return f.text(["%0"], [x])


FAMILIES = [(gemm, 30), (grouped_gemm, 14), (mla_decode, 14), (mla_prefill, 10), (route, 10), (top_k, 3), (transpose, 3), (block_quantize, 3), (row_norm, 8), (swiglu, 5)]


def generate(seed, count):
    """(name, MLIR, ranges, options) of every case; case i depends on the seed and i alone."""
    for i in range(count):
        draw = Draw(f"{seed}/{i}")
        family = draw.random.choices([family for family, _ in FAMILIES], [weight for _, weight in FAMILIES])[0]
        function = Function(f"{family.__name__}_{i}")
        text = family(function, draw)
        yield function.name, text, function.ranges, function.options


def compile_chunk(build, out, index, cases):
    source = out / f"chunk{index}.mlir"
    source.write_text("".join(text for _, text, _, _ in cases))
    return all(prepare.compile_artifact(build, [str(source)], target, out / f"chunk{index}.{target}.so") for target in ("sm_90a", "cpu"))


def prepare_cases(options):
    shutil.rmtree(options.out, ignore_errors=True)
    options.out.mkdir(parents=True)
    cases = list(generate(options.seed, options.count))
    by_options = {} # an artefact's cases run in one process, with the same options
    for case in cases:
        by_options.setdefault(tuple(case[3]), []).append(case)
    chunks = [group[i:i + CASES_PER_ARTIFACT] for group in by_options.values() for i in range(0, len(group), CASES_PER_ARTIFACT)]
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        compiled = list(pool.map(lambda job: compile_chunk(options.build, options.out.resolve(), *job), enumerate(chunks)))
    plan = {"seed": options.seed, "chunks": [], "not_compiled": []}
    for index, (chunk, is_compiled) in enumerate(zip(chunks, compiled)):
        if not is_compiled:
            plan["not_compiled"] += [name for name, *_ in chunk]
            continue
        ranges = {name: bounds for _, _, ranges, _ in chunk for name, bounds in ranges.items()}
        plan["chunks"].append({"index": index, "cases": [name for name, *_ in chunk], "ranges": ranges, "options": chunk[0][3]})
    prepare.copy_tools(options.build, options.out, ["deepseek-bench"])
    (options.out / "plan.json").write_text(json.dumps(plan))
    archive = shutil.make_archive(str(options.out), "xztar", options.out.parent, options.out.name)
    print(f"fuzz: {len(cases)} cases of seed {options.seed} in {options.out} and {archive}" + (f"; did not compile: {', '.join(plan['not_compiled'])}" if plan["not_compiled"] else ""))
    return 1 if plan["not_compiled"] else 0


def run_chunk(suite, chunk):
    """(name, whether it passed, output) of each case."""
    command = ["./deepseek-bench", f"chunk{chunk['index']}.sm_90a.so", "--against", f"chunk{chunk['index']}.cpu.so", "--entry", "all", "--timeout", "60", *chunk["options"]]
    for name, (low, high) in chunk["ranges"].items():
        command += ["--range", f"{name}={low}:{high}"]
    environment = dict(os.environ, LD_LIBRARY_PATH=f"{suite}:{os.environ.get('LD_LIBRARY_PATH', '')}")
    result = subprocess.run(command, cwd=suite, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    results = []
    for name in chunk["cases"]:
        lines = [line for line in result.stdout.splitlines() if line.startswith(name + ":")]
        passed = bool(lines) and not any("MISS" in line for line in lines)
        results.append((name, passed, "\n".join(lines) or f"no result: exit {result.returncode}: {result.stdout[-300:]}"))
    return results


def run_cases(options):
    suite = options.suite.resolve()
    plan = json.loads((suite / "plan.json").read_text())
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        results = [result for chunk in pool.map(lambda chunk: run_chunk(suite, chunk), plan["chunks"]) for result in chunk]
    with open(options.log / "gpu-fuzz.log", "w") as log:
        log.writelines(f"{'ok  ' if passed else 'FAIL'} {output}\n" for _, passed, output in results)
    failed = [(name, output) for name, passed, output in results if not passed]
    for name, output in failed:
        print(f"--- {name} (fuzz.py show --seed {plan['seed']} {name})\n    {output}")
    for name in plan["not_compiled"]:
        print(f"--- {name}: its file did not compile")
    counts = {}
    for name, *_ in results:
        counts[re.sub(r"_\d+$", "", name)] = counts.get(re.sub(r"_\d+$", "", name), 0) + 1
    print(", ".join(f"{family} {count}" for family, count in sorted(counts.items())))
    failures = len(failed) + len(plan["not_compiled"])
    print(f"{len(results) - len(failed)} passed, {failures} failed")
    return 1 if failures else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    steps = parser.add_subparsers(dest="step", required=True)
    step = steps.add_parser("prepare")
    step.add_argument("--count", type=int, default=1000)
    step.add_argument("--seed", type=int, default=1)
    step.add_argument("--build", type=pathlib.Path, default=prepare.ROOT / "build")
    step.add_argument("--out", type=pathlib.Path, default=prepare.ROOT / "build/gpu-fuzz")
    step = steps.add_parser("run")
    step.add_argument("suite", type=pathlib.Path)
    step.add_argument("--log", type=pathlib.Path, default=pathlib.Path("."))
    step.add_argument("--jobs", type=int, default=8)
    step = steps.add_parser("show")
    step.add_argument("--seed", type=int, default=1)
    step.add_argument("case")
    options = parser.parse_args()
    if options.step == "prepare":
        return prepare_cases(options)
    if options.step == "run":
        return run_cases(options)
    index = int(options.case.rsplit("_", 1)[1])
    print(list(generate(options.seed, index + 1))[-1][1], end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
