#!/usr/bin/env python3
"""check-text.py [FILE...]: no trailing space, no missing newline at the end, no "do not submit" marker. Without files: every room. Exit 1 names each line."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROOMS = (".ci", "dialects", "docs", "lowering", "models", "passes", "runtime", "test", "tools")
SUFFIXES = {".cpp", ".h", ".def", ".td", ".py", ".mlir", ".test", ".md", ".txt", ".cmake", ".toml", ".yaml"}
MARKER = re.compile(r"do[ _-]?not[ _-]?submit", re.I)
EXEMPT = {".ci/check-text.py", ".pre-commit-config.yaml"}  # they speak of the marker


def main():
    names = sys.argv[1:] or [f.relative_to(ROOT).as_posix() for room in ROOMS for f in sorted((ROOT / room).rglob("*"))] + ["README.md", "CMakeLists.txt"]
    errors = []
    for name in names:
        path = ROOT / name
        if path.suffix not in SUFFIXES or name.startswith("test/fuzz/") or not path.is_file():
            continue
        text = path.read_text(errors="replace")
        for number, line in enumerate(text.splitlines(), 1):
            if line != line.rstrip():
                errors.append(f"{name}:{number}: trailing space")
            if MARKER.search(line) and name not in EXEMPT:
                errors.append(f"{name}:{number}: a marker says that this must not be committed")
        if text and not text.endswith("\n"):
            errors.append(f"{name}: no newline at the end")
    print("\n".join(errors) or "text: ok")
    return 1 if errors else 0


sys.exit(main())
