#!/usr/bin/env python3
"""check-ops.py [DIALECT...]: every operation has one documented example, which stands in a round-trip test word for word, so that it parses; every labelled constraint (C1, C2,
...) of an operation is checked by a verifier (comment `// <op>_c<n>`) and by an invalid test (`@<op>_c<n>`); every deepseek operation that computes has a numeric test in
test/e2e/cpu/ops. Exit 1 names what is missing."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
errors = []
numeric = "\n".join(f.read_text() for f in (ROOT / "test/e2e/cpu/ops").glob("*.mlir"))
# Parameters are loaded by the runtime (end-to-end tests); collectives have no lowering yet.
NOT_NUMERIC = {"parameter", "load_parameter", "store_parameter"}


def words(text):
    """Without comments, and with every run of white space as one space."""
    return " ".join(re.sub(r"//.*", "", text).split())


for dialect in sys.argv[1:] or ("deepseek", "kernel"):
    folder = ROOT / "dialects" / dialect
    verifiers = "\n".join(f.read_text() for f in folder.glob("*.cpp"))
    tests = {f.name: f.read_text() for f in (ROOT / "test/dialects" / dialect).glob("*.mlir")}
    roundtrip = words("\n".join(text for name, text in tests.items() if name.endswith("-roundtrip.mlir")))
    invalid = "\n".join(text for name, text in tests.items() if name.endswith("-invalid.mlir"))
    for file in sorted(folder.glob("*Ops.td")):
        for match in re.finditer(r'^def \w+ : \w+<"(\w+)".*?(?=^def |^class |^#endif|\Z)', file.read_text(), re.S | re.M):
            op, text = match.group(1), match.group(0)
            where = f"{file.relative_to(ROOT)}: {dialect}.{op}"
            examples = re.findall(r"```mlir\n(.*?)```", text, re.S)
            if len(examples) != 1:
                errors.append(f"{where} has {len(examples)} examples in its description, expected one")
            elif words(examples[0]) not in roundtrip:
                errors.append(f"{where}: the example of its description is in no round-trip test")
            if not re.search(rf"\b{dialect}\.{op}\b", roundtrip):
                errors.append(f"{where} has no round-trip test")
            if dialect == "deepseek" and file.stem != "CommOps" and op not in NOT_NUMERIC and not re.search(rf"\bdeepseek\.{op}\b", numeric):
                errors.append(f"{where} has no numeric test in test/e2e/cpu/ops")
            for label in re.findall(r"(?:^|\[\{)\s*- (C\d+):", text, re.M):
                name = f"{op}_{label.lower()}"
                if not re.search(rf"\b{name}\b", verifiers):
                    errors.append(f"{where}: no verifier says {name}")
                if not re.search(rf"@{name}\b", invalid):
                    errors.append(f"{where}: no invalid test is called @{name}")
print("\n".join(errors) or "operations: ok")
sys.exit(1 if errors else 0)
