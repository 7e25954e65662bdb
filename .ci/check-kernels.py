#!/usr/bin/env python3
"""Every kernel family of lowering/hopper/Kernels.def has its file, its page, its test without a GPU and its comparison on a GPU. Exit 1 names what is missing."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FILES = ("lowering/hopper/{stem}.cpp", "docs/kernels/{page}.md", "test/lowering/hopper/{page}.mlir", "test/e2e/gpu/{page}.mlir")
errors = []
kernels = re.findall(r'^DS_KERNEL\((\w+), "(\w+)"', (ROOT / "lowering/hopper/Kernels.def").read_text(), re.M)
for stem, op in kernels:
    page = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", stem).lower()
    for pattern in FILES:
        file = ROOT / pattern.format(stem=stem, page=page)
        if not file.exists():
            errors.append(f"{stem} has no {file.relative_to(ROOT)}")
        elif file.suffix == ".mlir" and f"kernel.{op} " not in file.read_text():
            errors.append(f"{file.relative_to(ROOT)} has no kernel.{op}")
if not kernels:
    errors.append("lowering/hopper/Kernels.def lists no kernels")
print("\n".join(errors) or "kernels: ok")
sys.exit(1 if errors else 0)
