#!/usr/bin/env python3
"""Compares the runtime's tokenizer with the reference: the PyPI package `tokenizers`.

Usage: compare_tokenizers.py TEXT_DRIVER TOKENIZER_DIRECTORY...
Every case is encoded by both (some also with the tokens that begin a sequence), and its ids are decoded by both;
StreamDecoder must give the text of decode. Covers every assigned code point, random strings with a fixed seed, special
tokens and a list of hard cases. Prints each difference (the first 20) and a count; exits 0 if there is none, 1 if there
are some, and 77 if the package is missing.
"""

import argparse
import json
import pathlib
import random
import subprocess
import sys

try:
    import tokenizers
except ImportError:
    print("unsupported: the Python package 'tokenizers' is missing; install it with: python3 -m pip install tokenizers")
    sys.exit(77)

SEED = 20240607
RANDOM_STRINGS = 6000
RANDOM_ID_LISTS = 1000

HARD = [
    "", " ", "  ", "\n", "\r\n", "\r\r\n\n", " \n \n  x", "x  ", "x \n", "x\n ", "\t\t\tx", "   x   y   ", "\u3000x\u3000",
    "a\u00a0b\u2003c\u2028d\u0085e\u200bf\ufeffg", "I'm you're we've he'd she'll it's o'clock 'tis 'S 'LL ''s",
    "don\u2019t", "1 12 123 1234 12345 1,234.56 0x1F ½ ²³ Ⅷ ① ١٢٣ १२३ 𝟘𝟙", "3.14%", "$5 €12% £7", "a--b---c", "a, b;  c",
    "def f(x):\n    return x**2  # square\n\n\nprint(f(3))\n", "for(;;){}\r\n\t}\r\n", "https://a.b/c?d=e&f=g#h",
    "#include <stdio.h>", "_a __b__ c_d", "C++ C# .NET e.g. i.e. U.S.A.", "你好，世界！", "日本語のテキスト、カタカナ。",
    "漢字かなカナ混じり文123abc", "한국어 텍스트 가나다", "Привет, мир!", "שלום עולם", "مرحبا بالعالم", "สวัสดีชาวโลก", "नमस्ते दुनिया",
    "👩‍👩‍👧‍👦👍🏽🇫🇷❤️☕", "e\u0301\u0323 o\u0308", "\u0301abc", "a\u0300\u0301\u0302b", "Ａ１！ｂ", "ﬁ ﬀ ſ K Å", "ǅ ǈ ªº",
    "\U0001D400\U0001D7D8\U00010400\U0001F1E6", "\U00020000\U0002A6D6\U00030000", "\ue000\uf8ff\U000F0000\U0010FFFF",
    "\u0378\u0379\U000E0001\U000E01EF", "\x00\x01\x7f\x80\x9f", "\ufffd\ufffe\uffff", "x" * 300, "ab" * 500, " " * 400 + "x",
    "\n" * 300, "é" * 200, "0123456789" * 30, "!?" * 100, "zzqjk zzqjk qqq xyxy", "The the THE tHe", "wordy word words sword word",
    "FEEDface deadBEEF\ncafe", "\u1c89\u1c8a \ua7cb \U00010d40 \U00011de0 \U00016ff4 \u0897", "\u200c\u200dword\u200d",
]


def code_point_cases():
    """Each assigned code point between letters, digits, spaces, punctuation, newlines and itself; some of the rest."""
    import unicodedata
    chosen = []
    for c in range(0x110000):
        if 0xD800 <= c < 0xE000:
            continue
        # Python's Unicode version may be older than the reference's, so what it calls unassigned is sampled densely in
        # the planes where characters are added, and thinly elsewhere. Private use is thinned out too.
        category = unicodedata.category(chr(c))
        if category == "Cn" and c % (3 if c < 0x20000 else 257):
            continue
        if category == "Co" and c % 131:
            continue
        chosen.append(chr(c))
    for start in range(0, len(chosen), 16):
        group = chosen[start:start + 16]
        yield " ".join(f"a{c}b" for c in group)
        yield "".join(f"{c}1 {c}{c}!{c}\n {c}" for c in group)
        yield "".join(group)


def random_cases(rng):
    pools = [
        [chr(c) for c in range(0x20, 0x7F)], list("abcdefgxyz"), list(" \t\n\r  "), list("'\"-_.,;:!?()[]{}<>/\\"), list("0123456789"),
        [chr(c) for c in range(0xA0, 0x250)], [chr(c) for c in range(0x300, 0x370)], [chr(c) for c in range(0x370, 0x600)],
        [chr(c) for c in range(0x900, 0x980)], [chr(c) for c in range(0x2000, 0x2070)], [chr(c) for c in range(0x2190, 0x2800, 7)],
        [chr(c) for c in range(0x3000, 0x3100)], [chr(c) for c in range(0x4E00, 0x9FA6, 37)], [chr(c) for c in range(0xAC00, 0xD7A4, 61)],
        [chr(c) for c in range(0xFF00, 0xFFF0)], [chr(c) for c in range(0x10000, 0x11000, 5)], [chr(c) for c in range(0x1F300, 0x1FAFF, 3)],
        ["'s", "'LL", "\r\n", "\u200d", "\ufe0f", "--", "; ", "the", " and", "\u4e00\u4e00", "\u00e9\u00e9"],
    ]
    for _ in range(RANDOM_STRINGS):
        mixed = rng.sample(pools, rng.randint(1, 4))
        yield "".join(rng.choice(rng.choice(mixed)) for _ in range(rng.randint(1, 50)))


def special_cases(rng, contents):
    """Added tokens next to each other, to white space, to letters and cut short."""
    glue = ["", " ", "  ", "\n", "a", "é", "1", "_", "\u200d", ".", " word", "x "]
    for token in contents:
        for left in glue:
            for right in glue:
                yield left + token + right
    for _ in range(1500 if contents else 0):
        parts = []
        for _ in range(rng.randint(1, 8)):
            token = rng.choice(contents)
            parts.append(rng.choice(glue))
            parts.append(token if rng.random() < 0.7 else token[rng.randint(0, 1):rng.randint(1, len(token))])
        yield "".join(parts)


class Reference:
    def __init__(self, folder):
        self.tokenizer = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.no_truncation()
        config_file = folder / "tokenizer_config.json"
        config = json.loads(config_file.read_text()) if config_file.exists() else {}
        self.override = "add_bos_token" in config or "add_eos_token" in config

        def token(name):
            value = config.get(name)
            return self.tokenizer.token_to_id(value["content"] if isinstance(value, dict) else value)

        self.first = [token("bos_token")] if config.get("add_bos_token") else []
        self.last = [token("eos_token")] if config.get("add_eos_token") else []

    def encode(self, texts, special):
        """tokenizer_config.json is the business of `transformers`; its add_*_token flags replace the post-processor."""
        encodings = self.tokenizer.encode_batch_fast(texts, add_special_tokens=special and not self.override)
        if special and self.override:
            return [self.first + e.ids + self.last for e in encodings]
        return [e.ids for e in encodings]

    def decode(self, ids, skip):
        return self.tokenizer.decode_batch(ids, skip_special_tokens=skip)


class Comparison:
    def __init__(self):
        self.cases = self.failures = 0

    def check(self, what, case, got, expected):
        self.cases += 1
        if got != expected:
            self.failures += 1
            if self.failures <= 20:
                print(f"FAIL {what}: {case!r}\n  runtime   {got}\n  reference {expected}")


def ask(driver, folder, requests):
    text = "".join(json.dumps(r) + "\n" for r in requests)
    done = subprocess.run([driver, "tokenizer", str(folder)], input=text, capture_output=True, text=True, encoding="utf-8",
                          check=False)
    if done.returncode != 0:
        sys.exit(f"FAIL {driver} tokenizer {folder} exited with {done.returncode}: {done.stderr.strip()}")
    answers = [json.loads(line) for line in done.stdout.split("\n") if line]
    if len(answers) != len(requests):
        sys.exit(f"FAIL {driver} answered {len(answers)} of {len(requests)} requests for {folder}")
    return answers


def compare(driver, folder, result):
    reference = Reference(folder)
    rng = random.Random(SEED)
    added = sorted(t.content for t in reference.tokenizer.get_added_tokens_decoder().values())
    few = HARD + list(special_cases(rng, added))
    many = list(random_cases(rng)) + list(code_point_cases())
    id_lists = []
    for special, texts in ((True, few), (False, few + many)):
        answers = ask(driver, folder, [{"text": t, "special": special} for t in texts])
        for text, answer, expected in zip(texts, answers, reference.encode(texts, special)):
            result.check(f"{folder.name} encode(special={special})", text, answer.get("ids", answer), expected)
            if not special:
                id_lists.append(expected)
    # The text of the code points needs decoding in one way only.
    id_lists = id_lists[:len(few) + RANDOM_STRINGS] + id_lists[len(few) + RANDOM_STRINGS::8]
    # Random ids cut characters anywhere; a few are outside the vocabulary.
    size = reference.tokenizer.get_vocab_size(with_added_tokens=True)
    id_lists += [[rng.randrange(size + 3) for _ in range(rng.randint(1, 30))] for _ in range(RANDOM_ID_LISTS)]
    for skip in (True, False):
        answers = ask(driver, folder, [{"ids": ids, "skip": skip} for ids in id_lists])
        for ids, answer, expected in zip(id_lists, answers, reference.decode(id_lists, skip)):
            result.check(f"{folder.name} decode(skip={skip})", ids, answer, {"text": expected, "stream": expected})


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("driver", help="the text-driver binary")
    parser.add_argument("folders", nargs="+", type=pathlib.Path, help="directories with a tokenizer.json")
    arguments = parser.parse_args()
    result = Comparison()
    for folder in arguments.folders:
        before = result.cases, result.failures
        compare(arguments.driver, folder, result)
        print(f"{folder.name}: {result.cases - before[0]} cases, {result.failures - before[1]} failures")
    print(f"tokenizers {tokenizers.__version__}: {result.cases} cases, {result.failures} failures")
    return 1 if result.failures else 0


if __name__ == "__main__":
    sys.exit(main())
