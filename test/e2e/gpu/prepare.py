#!/usr/bin/env python3
"""Compile everything that the GPU suite runs, on a machine that has the compiler (no GPU needed).

  prepare.py [--build build] [--out build/gpu-suite] [--only PATTERN] [--no-models]

Writes artefacts, the runner, the bench tool and plan.json to the output folder; run.py executes the plan on a GPU machine without LLVM. Each function of test/e2e/gpu/*.mlir
is compiled for sm_90a and for the CPU and compared there. A comment `// range: f.arg1=0:7 ...` bounds integer inputs, `// bench: f --pages 4` adds options of deepseek-bench.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[3]
CHECKPOINTS = {name: f"models/{name}" for name in ("tiny-shakespeare", "tiny-shakespeare-fp8")}
CHECKPOINTS |= {name: f"test/checkpoints/{name}" for name in ("rand-v2", "rand-v2-lite", "rand-v3", "rand-v3-fp8", "rand-v3-ue8m0")}


def compile_artifact(build, arguments, target, output):
    command = [str(build / "bin/deepseek-compile"), *arguments, f"--target={target}", "-o", str(output)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if result.returncode:
        print(f"  {' '.join(command)}\n{result.stderr.strip()[-2000:]}", file=sys.stderr)
    return result.returncode == 0


def kernel_tests(build, out, only):
    """One test for each function of each kernel file, and the files that did not compile."""
    tests, failures = [], []
    for source in sorted((ROOT / "test/e2e/gpu").glob("*.mlir")):
        if only and not re.search(only, source.stem):
            continue
        text = source.read_text()
        print(f"prepare: {source.name}")
        compiled = [compile_artifact(build, [str(source)], target, out / f"{source.stem}.{target}.so") for target in ("sm_90a", "cpu")]
        if not all(compiled):
            failures.append(source.stem)
            continue
        ranges = dict(re.findall(r"(\S+\.arg\d+)=(-?\d+:-?\d+)", " ".join(re.findall(r"// range:(.*)", text))))
        options = dict(re.findall(r"// bench: (\w+) (.*)", text))
        for function in re.findall(r"func\.func @(\w+)", text):
            command = ["./deepseek-bench", f"{source.stem}.sm_90a.so", "--entry", function, "--against", f"{source.stem}.cpu.so"]
            for name, bounds in ranges.items():
                if name.startswith(function + "."):
                    command += ["--range", f"{name}={bounds}"]
            tests.append({"name": f"{source.stem}/{function}", "command": command + options.get(function, "").split(), "timeout": 60})
    return tests, failures


def model_tests(build, out):
    """Goldens of every checkpoint: whole prompts and chunks, batch 1 and 7, twice with equal bits."""
    tests, failures = [], []
    artifacts = [(name, folder, form) for name, folder in CHECKPOINTS.items() for form in ("auto", "always", "never")]

    def compile_model(name, folder, form):
        print(f"prepare: {name}.{form}.so", flush=True)
        buckets = ["--decode-buckets=1,8", "--prefill-buckets=" + ("16,128" if form == "auto" else "16")]
        return compile_artifact(build, [folder, f"--absorb={form}", *buckets], "sm_90a", out / f"{name}.{form}.so")

    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        compiled = list(pool.map(lambda artifact: compile_model(*artifact), artifacts))
    for (name, folder, form), is_compiled in zip(artifacts, compiled):
        artifact = f"{name}.{form}.so"
        if not is_compiled:
            failures.append(artifact)
            continue
        check = ["./deepseek-run", artifact, "--weights", f"@{folder}", "--check", f"@{folder}/golden.json", "--timeout", "60"]
        variants = {"": [], "/chunks": ["--prefill-chunk", "5"], "/batch7": ["--check-batch", "7", "--repeat", "2"]} if form == "auto" else {"": []}
        for variant, extra in variants.items():
            tests.append({"name": f"{name}/{form}{variant}", "command": check + extra, "timeout": 120})
    return tests, failures


def copy_tools(build, out, tools):
    for tool in tools:
        shutil.copy(build / "bin" / tool, out)
        subprocess.run(["strip", str(out / tool)], check=False)
    for library in pathlib.Path("/usr/lib").glob("llvm-*/lib/libomp.so.5"): # the CPU artefacts' OpenMP, where the GPU machine has none
        shutil.copy(library.resolve(), out / "libomp.so.5")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "build/gpu-suite")
    parser.add_argument("--only", help="regular expression: only these kernel files")
    parser.add_argument("--no-models", action="store_true")
    options = parser.parse_args()
    shutil.rmtree(options.out, ignore_errors=True)
    options.out.mkdir(parents=True)
    tests, failures = kernel_tests(options.build, options.out, options.only)
    if not options.no_models:
        more, failed = model_tests(options.build, options.out)
        tests, failures = tests + more, failures + failed
    copy_tools(options.build, options.out, ("deepseek-run", "deepseek-bench"))
    (options.out / "plan.json").write_text(json.dumps({"tests": tests, "not_compiled": failures}, indent=1))
    archive = shutil.make_archive(str(options.out), "xztar", options.out.parent, options.out.name) # a fifth of the size, to carry to a GPU machine
    print(f"prepare: {len(tests)} tests in {options.out} and {archive}" + (f"; did not compile: {', '.join(failures)}" if failures else ""))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
