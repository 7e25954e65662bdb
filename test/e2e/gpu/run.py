#!/usr/bin/env python3
"""Run the GPU suite that prepare.py compiled: run.py SUITE [--source CHECKOUT] [--log FOLDER] [--filter PATTERN] [--jobs N] [--sanitizer TOOL]

Needs a GPU and python3, no LLVM. Every test has a watchdog. Prints a short table of what failed and, last, 'N passed, N failed'.
"""
import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys
import threading
import time

lock = threading.Lock() # of the log


def run_test(test, suite, source, log, prefix):
    command = prefix + [str(source / word[1:]) if word.startswith("@") else word for word in test["command"]]
    environment = dict(os.environ, LD_LIBRARY_PATH=f"{suite}:{os.environ.get('LD_LIBRARY_PATH', '')}")
    timeout = test["timeout"] * (10 if prefix else 1)
    start = time.time()
    try:
        result = subprocess.run(command, cwd=suite, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout)
        status, output = result.returncode, result.stdout
    except subprocess.TimeoutExpired as expired:
        status, output = 124, (expired.stdout or b"").decode(errors="replace") + f"\nno end after {timeout} s"
    with lock, open(log, "a") as file:
        file.write(f"=== {test['name']}: {status} in {time.time() - start:.1f} s\n$ {' '.join(command)}\n{output}\n")
    return status, output, time.time() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("suite", type=pathlib.Path)
    parser.add_argument("--source", type=pathlib.Path, default=pathlib.Path.cwd(), help="the checkout with the checkpoints")
    parser.add_argument("--log", type=pathlib.Path, default=pathlib.Path("."))
    parser.add_argument("--filter", default="")
    parser.add_argument("--jobs", type=int, default=8, help="tests that run at a time: they check numbers, not times")
    parser.add_argument("--sanitizer", help="memcheck, racecheck, initcheck or synccheck of compute-sanitizer")
    options = parser.parse_args()
    suite = options.suite.resolve()
    prefix = ["compute-sanitizer", "--tool", options.sanitizer, "--error-exitcode", "9"] if options.sanitizer else []
    plan = json.loads((suite / "plan.json").read_text())
    log = options.log / f"gpu-suite{'-' + options.sanitizer if options.sanitizer else ''}.log"
    failed = []
    tests = [test for test in plan["tests"] if re.search(options.filter, test["name"])]
    pool = concurrent.futures.ThreadPoolExecutor(options.jobs)
    results = pool.map(lambda test: run_test(test, suite, options.source.resolve(), log, prefix), tests)
    for test, (status, output, seconds) in zip(tests, results):
        lines = [line for line in output.strip().splitlines() if line.strip()]
        print(f"{'ok  ' if status == 0 else 'FAIL'} {test['name']} ({seconds:.1f} s)", flush=True)
        if status:
            failed.append((test["name"], status, lines[-4:]))
    for name, status, lines in failed:
        print(f"--- {name}: exit {status}")
        for line in lines:
            print(f"    {line[:300]}")
    failures = len(failed) + len(plan["not_compiled"])
    for name in plan["not_compiled"]:
        print(f"--- {name}: did not compile")
    print(f"{len(tests) - len(failed)} passed, {failures} failed")
    return 1 if failures else 0


sys.exit(main())
