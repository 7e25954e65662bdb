#!/usr/bin/env python3
"""Warn about files that grew too large (STYLE: explain above 600 lines, split at 1,000; kernels split at 500). Exit 1 above the limits."""
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
failed = False
for room in ("dialects", "passes", "lowering", "models", "runtime", "tools", "test"):
    for file in sorted((ROOT / room).rglob("*")):
        if file.suffix not in (".h", ".cpp", ".td", ".py", ".mlir"):
            continue
        lines = len(file.read_text(errors="replace").splitlines())
        name = file.relative_to(ROOT).as_posix()
        limit = 500 if file.parent == ROOT / "lowering/hopper" else 1000
        if lines > limit:
            print(f"error: {name} has {lines} lines, the limit is {limit}")
            failed = True
        elif lines > 600:
            print(f"warning: {name} has {lines} lines; explain or split above 600")
print("sizes: " + ("too large" if failed else "ok"))
sys.exit(failed)
