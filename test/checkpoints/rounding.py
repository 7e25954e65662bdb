#!/usr/bin/env python3
"""What bf16 may cost: runs an ideal bf16 machine many times over the goldens and writes the errors it makes.

  rounding.py CHECKPOINT... [--samples 32]

For each prompt the float64 oracle first reproduces golden.safetensors (or this stops); then Monte Carlo arithmetic (oracle.py) gives the distribution of the relative
L2 error of the prompt's logits and of the golden decode steps, and of the number of greedy tokens that agree, in the naive and in the absorbed form of attention.
CHECKPOINT/rounding.json receives the worst of each: deepseek-run --check allows a model with bf16 activations that much where it is more than the tolerance of 2e-2
(docs/decisions/20261122-bf16-tolerance.md).
"""
import argparse
import json
import pathlib
import sys

import numpy as np
from oracle import Oracle, Rounding, read_safetensors


def relative(got, want):
    return float(np.linalg.norm(got - want) / np.linalg.norm(want))


def check_oracle(oracle, golden, tensors):
    """The oracle must compute what the golden's did. FP8 may differ after a value that lies within 1e-16 of a rounding boundary, but not on every prompt."""
    errors = [relative(oracle.forward(prompt), tensors[f"prompt{i}.logits"]) for i, prompt in enumerate(golden["prompts"])]
    print("float64 against the golden:", ", ".join(f"{error:.1e}" for error in errors))
    if (min if oracle.fp8 else max)(errors) > 1e-6:
        sys.exit("the oracle does not reproduce the golden's logits")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("checkpoints", nargs="+", type=pathlib.Path)
    parser.add_argument("--samples", type=int, default=32, help="runs of each form of attention")
    options = parser.parse_args()
    for path in options.checkpoints:
        golden, tensors = json.loads((path / "golden.json").read_text()), read_safetensors(path / "golden.safetensors")
        tensors = {name: tensor.astype(np.float64) for name, tensor in tensors.items()}
        check_oracle(Oracle(path), golden, tensors)
        rows = []
        for i, (prompt, greedy) in enumerate(zip(golden["prompts"], golden["greedy"])):
            tokens, chosen = prompt + greedy["tokens"][:-1], np.array(greedy["tokens"])
            want, want_steps, errors, equal = tensors[f"prompt{i}.logits"], tensors[f"prompt{i}.step_logits"], [], []
            for absorbed in (False, True):
                for seed in range(options.samples):
                    got = Oracle(path, Rounding(seed), absorbed).forward(tokens)
                    steps = got[len(prompt) - 1:]
                    errors.append((relative(got[:len(prompt)], want), relative(steps[:len(want_steps)], want_steps)))
                    equal.append(int((steps.argmax(-1) == chosen).sum()))
            errors = np.array(errors)
            rows.append({"logits": float(f"{errors[:, 0].max():.2e}"), "steps": float(f"{errors[:, 1].max():.2e}"), "equal": min(equal)})
            print(f"{path.name} prompt {i}: logits median {np.median(errors[:, 0]):.1e} max {errors[:, 0].max():.1e}, "
                  f"steps median {np.median(errors[:, 1]):.1e} max {errors[:, 1].max():.1e}, "
                  f"greedy tokens equal: at least {min(equal)} of {len(chosen)}, median {int(np.median(equal))}", flush=True)
        text = {"activation": "bf16", "samples": 2 * options.samples, "prompts": rows}
        (path / "rounding.json").write_text(json.dumps(text, indent=1) + "\n")


main()
