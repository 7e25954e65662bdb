#!/usr/bin/env python3
"""Tables for docs/benchmarks-kernels.md from the JSON of `deepseek-bench --op` and of its peers.

  compare.py OURS.json PEER.json... [--filter REGEX] [--any-gpu] [--long]
  compare.py --run A OURS.json PEER.json... --run B OURS.json PEER.json... [the same options]

Joins by case. Cells are us, and in brackets the ratio to the best peer and the share of the limit; --long gives a line to each case, with peer and estimate. A ratio is the best peer's time over ours: above 1 we are faster. Files of one run are of one GPU: another GPU is an error, unless --any-gpu says that it is known.
Of several runs, us and shares are geometric means, the ratios of the runs stand side by side in their order; a run without the case has a dash.
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


class Run:
    """The files of one run: our results by case, and the best peer's."""

    def __init__(self, name, paths, options):
        self.name, self.ours, self.best = name, {}, {}
        results = [dict(result, file=path) for path in paths for result in json.load(open(path))]
        gpus = {result["gpu"].split()[-1].removeprefix("GPU-") for result in results} # programs write the same UUID with and without it
        if len(gpus) > 1 and not options.any_gpu:
            sys.exit(f"compare.py: the files{' of run ' + name if name else ''} are of {len(gpus)} GPUs, expected one: {', '.join(sorted(gpus))}")
        for result in results:
            case = result["case"]
            if not re.search(options.filter, case):
                continue
            if result["file"] != paths[0]:
                if case not in self.best or result["us"] < self.best[case]["us"]:
                    self.best[case] = result
            elif not result.get("searched") and result["us"] > 0:
                self.ours[case] = result
        first = next(iter(self.ours.values()), None)
        self.machine = f"{first['gpu']}; {first['bandwidth'] * 1e-9:.0f} GB/s read" if first else "no results"

    def ratio(self, case):
        ours, peer = self.ours.get(case), self.best.get(case)
        return peer["us"] / ours["us"] if ours and peer else None

    def share(self, case, field):
        """of our time"""
        return self.ours[case][field] / self.ours[case]["us"] if case in self.ours and field in self.ours[case] else None


def present(values):
    return [value for value in values if value is not None]


def joined(values, form):
    """The runs' values side by side; nothing where no run has one."""
    return ", ".join("-" if value is None else form.format(value) for value in values) if present(values) else ""


def mean_of(runs, case, field):
    return geometric_mean([run.ours[case][field] or 1e-9 for run in runs if case in run.ours])


def wrong_of(runs, case):
    return "" if all(run.ours[case]["passed"] for run in runs if case in run.ours) else " **wrong**"


def pivot(runs, cases, column):
    """A line for each case without `column`, a column for each of its values: us, and in brackets the ratio to the best peer and the share of the limit."""
    values, lines = {}, collections.OrderedDict()
    for case in cases:
        name = " ".join(word for word in case.split()[1:] if not column or not word.startswith(column + "="))
        value = int(fields(case)[column]) if column else "us"
        values[value] = None
        ratio = joined([run.ratio(case) for run in runs], "{:.2f}")
        lines.setdefault(name, {})[value] = f"{mean_of(runs, case, 'us'):.1f} ({ratio + '; ' if ratio else ''}{mean_of(runs, case, 'percent_of_limit'):.0f} %){wrong_of(runs, case)}"
    head = f"| {cases[0].split()[0]} | " + " | ".join(f"{column}={value}" if column else value for value in sorted(values)) + " |"
    body = ["| " + " | ".join([name or "", *(cells.get(value, "") for value in sorted(values))]) + " |" for name, cells in lines.items()]
    return "\n".join([head, "|" + " --- |" * (len(values) + 1), *body])


def long_table(runs, cases):
    lines = ["| case | us | best peer, us | ratio | % of limit | estimate |", "|" + " --- |" * 6]
    for case in cases:
        us = joined([run.ours[case]["us"] if case in run.ours else None for run in runs], "{:.1f}")
        peers = present([run.best.get(case) for run in runs])
        estimate, error = joined([run.ours[case].get("estimate_us") if case in run.ours else None for run in runs], "{:.1f}"), [run.share(case, "estimate_us") for run in runs]
        limit = next(run.ours[case]["limit"] for run in runs if case in run.ours)
        lines.append("| " + " | ".join([case, us + wrong_of(runs, case), ", ".join(f"{peer['by']} {peer['us']:.1f}" for peer in peers), joined([run.ratio(case) for run in runs], "{:.2f}"),
                                         f"{mean_of(runs, case, 'percent_of_limit'):.0f} ({limit})",
                                         estimate and f"{estimate} ({joined([e and 100 * (e - 1) for e in error], '{:+.0f}')} %)"]) + " |")
    return "\n".join(lines)


def group_table(runs, cases):
    """A line for each group, of each run: the geometric mean of the ratios, the lowest, and how far the estimates are off."""
    several = len(runs) > 1
    heads = ["ratio, geometric mean", "lowest", "median error of estimates"]
    columns = [f"{run.name}: {head}" if several else head for head in heads for run in runs]
    lines = ["| " + " | ".join(["group", "cases", *columns]) + " |", "|" + " --- |" * (2 + len(columns))]
    groups = collections.OrderedDict()
    for case in cases:
        for group in groups_of(case):
            groups.setdefault(group, []).append(case)
    for group, members in groups.items():
        counts, cells = [], []
        for run in runs:
            found = [(run.ratio(case), case) for case in members if run.ratio(case) and run.ours[case]["passed"]]
            errors = present([run.share(case, "estimate_us") for case in members])
            counts.append(len(found) or len(errors) or sum(case in run.ours for case in members))
            cells.append((f"{geometric_mean([ratio for ratio, _ in found]):.3f}" if found else "", f"{min(found)[0]:.2f} ({min(found)[1]})" if found else "",
                          f"{100 * statistics.median(abs(error - 1) for error in errors):.0f} %" if errors else ""))
        count = str(counts[0]) if len(set(counts)) == 1 else ", ".join(map(str, counts))
        lines.append("| " + " | ".join([group, count, *(cell[i] for i in range(len(heads)) for cell in cells)]) + " |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", nargs="*", metavar="FILE.json", help="of one run: ours first")
    parser.add_argument("--run", nargs="+", action="append", default=[], metavar="NAME/FILE.json", help="a run of several: its name, then its files, ours first")
    parser.add_argument("--filter", default="")
    parser.add_argument("--any-gpu", action="store_true")
    parser.add_argument("--long", action="store_true")
    options = parser.parse_args()
    if bool(options.files) == bool(options.run) or any(len(run) < 2 for run in options.run):
        parser.error("expected the files of one run, or --run NAME OURS.json PEER.json... for each of several")
    runs = [Run(run[0], run[1:], options) for run in options.run] or [Run("", options.files, options)]
    cases = list(dict.fromkeys(case for run in runs for case in run.ours))
    families = collections.OrderedDict()
    for case in cases:
        families.setdefault(case.split()[0], []).append(case)

    print("\n".join(f"{run.name}: {run.machine}" if len(runs) > 1 else run.machine for run in runs) + "\n")
    print(group_table(runs, cases))
    for family, members in families.items():
        column = next((name for prefix, name in COLUMNS.items() if family.startswith(prefix)), None)
        peers = sorted({run.best[case]["by"] for run in runs for case in members if case in run.best})
        print(f"\n### {family}" + (f", beside {', '.join(peers)}" if peers else "") + "\n" + (long_table(runs, members) if options.long else pivot(runs, members, column)))


sys.exit(main())
