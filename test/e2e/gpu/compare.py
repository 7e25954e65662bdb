#!/usr/bin/env python3
"""Tables for docs/benchmarks-kernels.md from the JSON of `deepseek-bench --op` and of its peers.

  compare.py OURS.json PEER.json... [--filter REGEX] [--any-gpu] [--long]

Joins by case. Cells are us, and in brackets the ratio to the best peer and the share of the limit; --long gives a line to each case, with peer and estimate. A ratio is the best peer's time over ours: above 1 we are faster. Files of one run on one GPU only: another GPU is an error, unless --any-gpu says that it is known.
"""
import argparse
import collections
import json
import math
import re
import statistics
import sys

COLUMNS = {"linear": "m", "grouped": None, "mla-decode": "context", "mla-prefill": "chunk", "router": "tokens", "row-fusion": "rows", "sample": "rows"}
BANDS = {"linear": ("m", [(1, 128), (512, 1 << 40)]), "mla-decode": ("batch", [(1, 8), (32, 1 << 40)])}


def fields(case):
    return dict(word.split("=") for word in case.split()[1:])


def groups_of(case):
    """The family, and where a goal names a range of sizes, that range of it."""
    family = case.split()[0]
    yield family
    for prefix, (field, bands) in BANDS.items():
        if family.startswith(prefix):
            for low, high in bands:
                if low <= int(fields(case)[field]) <= high:
                    yield f"{family}, {field} from {low}" + (f" to {high}" if high < 1 << 40 else "")


def geometric_mean(values):
    return math.exp(statistics.fmean(math.log(value) for value in values))


def load(paths, any_gpu):
    results = [dict(result, file=path) for path in paths for result in json.load(open(path))]
    gpus = {result["gpu"].split()[-1].removeprefix("GPU-") for result in results} # programs write the same UUID with and without it
    if len(gpus) > 1 and not any_gpu:
        sys.exit(f"compare.py: the files are of {len(gpus)} GPUs, expected one: {', '.join(sorted(gpus))}")
    return results


def pivot(rows, column):
    """A line for each case without `column`, a column for each of its values: us, and in brackets the ratio to the best peer and the share of the limit."""
    values, lines = {}, collections.OrderedDict()
    for ours, peer in rows:
        name = " ".join(word for word in ours["case"].split()[1:] if not column or not word.startswith(column + "="))
        value = int(fields(ours["case"])[column]) if column else "us"
        values[value] = None
        ratio = f"{peer['us'] / ours['us']:.2f}; " if peer else ""
        wrong = "" if ours["passed"] else " **wrong**"
        lines.setdefault(name, {})[value] = f"{ours['us']:.1f} ({ratio}{ours['percent_of_limit']:.0f} %){wrong}"
    head = f"| {rows[0][0]['case'].split()[0]} | " + " | ".join(f"{column}={value}" if column else value for value in sorted(values)) + " |"
    body = ["| " + " | ".join([name or "", *(cells.get(value, "") for value in sorted(values))]) + " |" for name, cells in lines.items()]
    return "\n".join([head, "|" + " --- |" * (len(values) + 1), *body])


def long_table(rows):
    lines = ["| case | us | best peer, us | ratio | % of limit | estimate |", "|" + " --- |" * 6]
    for ours, peer in rows:
        estimate = f"{ours['estimate_us']:.1f} ({100 * (ours['estimate_us'] / ours['us'] - 1):+.0f} %)" if "estimate_us" in ours else ""
        cells = [ours["case"], f"{ours['us']:.1f}" + ("" if ours["passed"] else " **wrong**"), f"{peer['by']} {peer['us']:.1f}" if peer else "",
                 f"{peer['us'] / ours['us']:.2f}" if peer else "", f"{ours['percent_of_limit']:.0f} ({ours['limit']})", estimate]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ours")
    parser.add_argument("peers", nargs="*")
    parser.add_argument("--filter", default="")
    parser.add_argument("--any-gpu", action="store_true")
    parser.add_argument("--long", action="store_true")
    options = parser.parse_args()
    best = {}
    everything = load([options.ours, *options.peers], options.any_gpu)
    for result in everything:
        if result["file"] != options.ours and (result["case"] not in best or result["us"] < best[result["case"]]["us"]):
            best[result["case"]] = result
    ours = [r for r in everything if r["file"] == options.ours and not r.get("searched") and r["us"] > 0 and re.search(options.filter, r["case"])]
    families = collections.OrderedDict()
    for result in ours:
        families.setdefault(result["case"].split()[0], []).append((result, best.get(result["case"])))

    print(f"{ours[0]['gpu']}; {ours[0]['bandwidth'] * 1e-9:.0f} GB/s read\n" if ours else "no results\n")
    ratios, errors = collections.defaultdict(list), collections.defaultdict(list)
    for rows in families.values():
        for result, peer in rows:
            for group in groups_of(result["case"]):
                if peer and result["passed"]:
                    ratios[group].append((peer["us"] / result["us"], result["case"]))
                if "estimate_us" in result:
                    errors[group].append(abs(result["estimate_us"] / result["us"] - 1))
    print("| group | cases | ratio, geometric mean | lowest | median error of estimates |\n| --- | --- | --- | --- | --- |")
    for group in dict.fromkeys([*ratios, *errors]):
        found = ratios[group]
        mean = f"{geometric_mean([r for r, _ in found]):.3f} | {min(found)[0]:.2f} ({min(found)[1]})" if found else " | "
        error = f"{100 * statistics.median(errors[group]):.0f} %" if errors[group] else ""
        print(f"| {group} | {len(found) or len(errors[group])} | {mean} | {error} |")
    for family, rows in families.items():
        column = next(name for prefix, name in COLUMNS.items() if family.startswith(prefix))
        peers = sorted({peer["by"] for _, peer in rows if peer})
        print(f"\n### {family}" + (f", beside {', '.join(peers)}" if peers else "") + "\n" + (long_table(rows) if options.long else pivot(rows, column)))


sys.exit(main())
