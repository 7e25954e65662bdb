"""Check that the last line of each plan that --explain printed is the sum of the lines above it."""
import re
import sys

plans = open(sys.argv[1]).read().split("plan of @")[1:]
assert plans, "no plan"
for plan in plans:
    name, _, *lines = plan.splitlines()
    kernels, megabytes, gigaflops, microseconds = 0, 0.0, 0.0, 0.0
    for line in lines:
        if match := re.match(r"\s+(\d+)  .*\s([\d.]+)\s+([\d.]+)\s+([\d.]+)  [a-z]+$", line):
            count = int(match[1])
            kernels += count
            megabytes += count * float(match[2])
            gigaflops += count * float(match[3])
            microseconds += count * float(match[4])
    total = re.search(r"(\d+) kernels, ([\d.]+) MB, ([\d.]+) GFLOP: ([\d.]+) us predicted", plan)
    assert kernels == int(total[1]), (name, kernels, total[0])
    # Each kernel's figure is rounded by half of its last digit at most.
    for found, printed, half in ((megabytes, total[2], 5e-4), (gigaflops, total[3], 5e-4), (microseconds, total[4], 0.05)):
        assert abs(found - float(printed)) <= half * kernels + 0.06, (name, found, printed)
