#!/usr/bin/env python3
"""Check every #include against .ci/layers.txt: a file may include only rooms that its layer may depend on.

Also refuses mlir/ and llvm/ under runtime/, and CUDA or NCCL headers on the compiler's side. Exit 1 names each violation.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROOMS = {"dialects": "dialects", "passes": "passes", "lowering": "lowering", "models": "models", "runtime": "runtime",
         "tools/deepseek-run": "runner", "tools/deepseek-bench": "runner", "tools/runner": "runner", "tools": "tools", "runtime/abi": "abi"}
INCLUDE = re.compile(r'^\s*#\s*include\s+["<]([^">]+)[">]', re.M)


def layer_of(path):
    """Layer of a file or of an include that starts at the root; None for headers from elsewhere."""
    best = max((room for room in ROOMS if path.startswith(room + "/")), key=len, default=None)
    return ROOMS.get(best)


def main():
    allowed = {}
    for line in (ROOT / ".ci/layers.txt").read_text().splitlines():
        if ":" in line and not line.startswith("#"):
            layer, deps = line.split(":")
            allowed[layer] = set(deps.split()) | {layer}
    errors = []
    for room in ("dialects", "passes", "lowering", "models", "runtime", "tools"):
        for file in sorted((ROOT / room).rglob("*")):
            if file.suffix not in (".h", ".cpp", ".def", ".inc"):
                continue
            name = file.relative_to(ROOT).as_posix()
            layer = layer_of(name)
            for include in INCLUDE.findall(file.read_text()):
                target = layer_of(include)
                if target and target not in allowed[layer]:
                    errors.append(f"{name}: layer '{layer}' must not include {include} (layer '{target}')")
                if layer in ("runtime", "abi", "runner") and include.startswith(("mlir/", "llvm/")):
                    errors.append(f"{name}: the runtime must not include {include}")
                if layer in ("dialects", "passes", "lowering") and re.match(r"(cuda|nccl)", include):
                    errors.append(f"{name}: the compiler must not include {include}")
    print("\n".join(errors) or "layers: ok")
    return 1 if errors else 0


sys.exit(main())
