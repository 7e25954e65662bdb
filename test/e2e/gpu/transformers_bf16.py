#!/usr/bin/env python3
"""What Hugging Face transformers in bf16 scores against the goldens: the rounding that a bf16 implementation of these checkpoints has.

  transformers_bf16.py CHECKPOINT...      (a machine with torch and transformers; a GPU if there is one)

Prints, for each prompt, the relative L2 error of the logits over the whole prompt, the largest error of one position, that of the golden's decode steps (teacher forced)
and how many greedy tokens agree. deepseek-run --check prints the same quantities for a compiled model.
"""
import json
import pathlib
import sys

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM


def relative(got, want):
    return float((got - want).norm() / want.norm())


def score(model, golden, tensors, index):
    prompt, greedy = golden["prompts"][index], golden["greedy"][index]
    greedy = greedy["tokens"] if isinstance(greedy, dict) else greedy
    tokens = torch.tensor([prompt + greedy[:-1]], device=model.device)
    with torch.no_grad():
        logits = model(tokens).logits[0].double().cpu()
    want = tensors[f"prompt{index}.logits"].double()
    steps = tensors[f"prompt{index}.step_logits"].double()
    rows = [relative(got, expected) for got, expected in zip(logits, want)]
    first = len(prompt) - 1
    equal = sum(int(a) == b for a, b in zip(logits[first:].argmax(-1), greedy))
    print(f"  prompt {index}: logits {relative(logits[:len(prompt)], want):.2e}, worst position {max(rows):.2e} (median {sorted(rows)[len(rows) // 2]:.2e}), "
          f"steps {relative(logits[first:first + len(steps)], steps):.2e}, greedy {equal}/{len(greedy)}")


def main():
    for folder in map(pathlib.Path, sys.argv[1:]):
        device = "cuda" if torch.cuda.is_available() else "cpu"
        for dtype in (torch.float32, torch.bfloat16):
            model = AutoModelForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="eager").to(device).eval()
            print(f"{folder.name}, {dtype}")
            golden = json.loads((folder / "golden.json").read_text())
            for index in range(len(golden["prompts"])):
                score(model, golden, load_file(folder / "golden.safetensors"), index)


main()
