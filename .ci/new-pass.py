#!/usr/bin/env python3
"""new-pass.py Stem [--room graph|kernel] [--summary TEXT] [--root DIR]: scaffold of a pass within a dialect.

Writes passes/<room>/<Stem>.cpp and test/passes/<room>/<stem>.mlir, adds the definition to passes/Passes.td, the file to passes/<room>/CMakeLists.txt, and
regenerates docs/passes. The result builds and its test passes; a pattern that rewrites nothing yet is where the work starts.

    .ci/new-pass.py FuseTakeRows --summary "Fuse take_rows with the norm that follows"
    -> FuseTakeRowsPass, -deepseek-fuse-take-rows, passes/graph/FuseTakeRows.cpp, test/passes/graph/fuse-take-rows.mlir
"""
import argparse
import pathlib
import re
import subprocess
import sys

ROOMS = {
    "graph": {
        "flag": "deepseek",
        "dialect": "::mlir::deepseek::DeepSeekDialect",
        "include": "dialects/deepseek/DeepSeekOps.h",
        "op": "AddOp",
        "body": """func.func @keeps_addition(%x: tensor<8x256xbf16>, %y: tensor<8x256xbf16>) -> tensor<8x256xbf16> {
  %0 = deepseek.add %x, %y : tensor<8x256xbf16>
  return %0 : tensor<8x256xbf16>
}
""",
        "check": "deepseek.add",
    },
    "kernel": {
        "flag": "kernel",
        "dialect": "::mlir::deepseek::kernel::KernelDialect",
        "include": "dialects/kernel/KernelOps.h",
        "op": "kernel::GemmOp",
        "body": """func.func @keeps_gemm(%a: tensor<8x256xbf16>, %b: tensor<512x256xbf16>) -> tensor<8x512xbf16> {
  %0 = kernel.gemm %a, %b : tensor<8x256xbf16>, tensor<512x256xbf16> -> tensor<8x512xbf16>
  return %0 : tensor<8x512xbf16>
}
""",
        "check": "kernel.gemm",
    },
}

SOURCE = """// {summary}.
#include "{include}"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/IR/Remarks.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "passes/Passes.h"

namespace mlir::deepseek {{
#define GEN_PASS_DEF_{upper}PASS
#include "passes/Passes.h.inc"

namespace {{

/// What becomes what, and why. Every early exit says its reason; a miss that costs speed is also a remark::missed.
struct {stem} : OpRewritePattern<{op}> {{
  using OpRewritePattern::OpRewritePattern;
  LogicalResult matchAndRewrite({op} op, PatternRewriter &rewriter) const override {{
    return rewriter.notifyMatchFailure(op, "nothing is rewritten yet");
  }}
}};

struct {stem}Pass : impl::{stem}PassBase<{stem}Pass> {{
  using {stem}PassBase::{stem}PassBase;

  void runOnOperation() override {{
    RewritePatternSet patterns(&getContext());
    patterns.add<{stem}>(&getContext());
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }}
}};

}} // namespace
}} // namespace mlir::deepseek
"""

DEFINITION = """def {stem}Pass : Pass<"{flag}", "::mlir::func::FuncOp"> {{
  let summary = "{summary}";
  let description = [{{
    Requires: nothing. Guarantees: no other operation changes.
  }}];
  let dependentDialects = ["{dialect}"];
}}

"""

TEST = """// RUN: deepseek-opt %s -{flag} -split-input-file | FileCheck %s

// The case that must stay; the one that fires comes first, once there is one.
// CHECK-LABEL: func.func @keeps_{noun}
// CHECK:         {check}
{body}"""


def kebab(stem):
    return re.sub(r"(?<!^)([A-Z])", r"-\1", stem).lower()


def insert_definition(text, definition, room):
    """At the end of the room's section: before the next section's heading, or the end of the file."""
    heading = re.search(rf"^//===--- passes/{room}:.*$", text, re.M)
    if not heading:
        sys.exit(f"passes/Passes.td has no section 'passes/{room}'")
    end = re.compile(r"^(//===---|#endif)", re.M).search(text, heading.end())
    return text[:end.start()] + definition + text[end.start():]


def insert_source(text, name):
    match = re.search(r"(SOURCES )([^\n]*\.cpp(?:\s+[^\n]*\.cpp)*)", text)
    names = sorted(match[2].split() + [name])
    return text[:match.start(2)] + " ".join(names) + text[match.end(2):]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stem", help="CamelCase verb and object; acronyms are words (Mla, Fp8)")
    parser.add_argument("--room", choices=ROOMS, default="graph")
    parser.add_argument("--summary", help="a verb phrase (default: from the stem)")
    parser.add_argument("--root", type=pathlib.Path, default=pathlib.Path(__file__).resolve().parent.parent)
    options = parser.parse_args()
    stem, room, root = options.stem, ROOMS[options.room], options.root
    if not re.fullmatch(r"([A-Z][a-z0-9]+)+", stem) or stem.endswith("Pass"):
        sys.exit(f"'{stem}' is no stem: expected CamelCase words without the suffix Pass, acronyms as words (AbsorbMla)")
    words = kebab(stem)
    summary = (options.summary or words.replace("-", " ").capitalize()).rstrip(".").replace('"', "'")
    fields = {**room, "stem": stem, "upper": stem.upper(), "summary": summary, "flag": f"{room['flag']}-{words}",
              "noun": re.search(r"@keeps_(\w+)", room["body"])[1]}
    source, test = root / f"passes/{options.room}/{stem}.cpp", root / f"test/passes/{options.room}/{words}.mlir"
    table, cmake = root / "passes/Passes.td", root / f"passes/{options.room}/CMakeLists.txt"
    for file in (source, test):
        if file.exists():
            sys.exit(f"{file.relative_to(root)} exists")
    if re.search(rf"^def {stem}Pass\b", table.read_text(), re.M):
        sys.exit(f"passes/Passes.td defines {stem}Pass")

    table.write_text(insert_definition(table.read_text(), DEFINITION.format(**fields), options.room))
    cmake.write_text(insert_source(cmake.read_text(), f"{stem}.cpp"))
    source.write_text(SOURCE.format(**fields))
    test.parent.mkdir(parents=True, exist_ok=True)
    test.write_text(TEST.format(**fields))
    for file in (source, test, table, cmake):
        print(file.relative_to(root))
    if (root / ".ci/docs").exists():
        subprocess.run([root / ".ci/docs"], check=True)
        print("docs/passes/passes.md")
    print(f"next: .ci/build build deepseek-opt && lit -v build/test --filter {words}; the pipelines are in tools/compiler/Pipelines.cpp")


main()
