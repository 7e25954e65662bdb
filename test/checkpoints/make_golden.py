#!/usr/bin/env python3
"""Writes CHECKPOINT/golden-absorbed.json and .safetensors: the prompts of golden.json through the float64 oracle with absorbed attention.

  make_golden.py CHECKPOINT...

Only FP8 checkpoints need them: absorbed attention dequantises kv_b and does not quantise the latent that meets it, so its numbers are another function than the naive form's.
"""
import json
import pathlib
import struct
import sys

import numpy as np
from oracle import Oracle


def write_safetensors(path, tensors):
    header, offset = {}, 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [offset, offset + tensor.nbytes]}
        offset += tensor.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(tensor.tobytes() for tensor in tensors.values()))


def generate(oracle, prompt, count):
    """Greedy tokens, the margins between their logits and the second best, and the logits of all positions."""
    tokens, margins = list(prompt), []
    for _ in range(count):
        logits = oracle.forward(tokens)
        second, best = np.sort(logits[-1])[-2:]
        margins.append(round(float(best - second), 5))
        tokens.append(int(logits[-1].argmax()))
    return tokens[len(prompt):], margins, logits


def main():
    for path in map(pathlib.Path, sys.argv[1:]):
        golden = json.loads((path / "golden.json").read_text())
        oracle, greedy, tensors = Oracle(path, absorbed=True), [], {}
        for i, prompt in enumerate(golden["prompts"]):
            tokens, margins, logits = generate(oracle, prompt, golden["new_tokens"])
            greedy.append({"tokens": tokens, "margin": margins})
            tensors[f"prompt{i}.logits"] = logits[:len(prompt)].astype(np.float32)
            tensors[f"prompt{i}.step_logits"] = logits[len(prompt) - 1:len(prompt) + 3].astype(np.float32)
        text = {"prompts": golden["prompts"], "new_tokens": golden["new_tokens"], "dtype": "float64 oracle, absorbed attention", "greedy": greedy}
        (path / "golden-absorbed.json").write_text(json.dumps(text) + "\n")
        write_safetensors(path / "golden-absorbed.safetensors", tensors)
        print(f"{path.name}: {[len(entry['tokens']) for entry in greedy]} tokens")


main()
