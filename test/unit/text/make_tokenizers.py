#!/usr/bin/env python3
"""Trains the small tokenizers under data/: the pre-tokenizers of published DeepSeek models, with own vocabularies.

Usage: make_tokenizers.py [OUTPUT_DIRECTORY]; needs the `tokenizers` package. The result is committed.
"""

import json
import pathlib
import sys

from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

# Enough of several scripts for merges to cross every kind of boundary.
CORPUS = """
The quick brown fox jumps over the lazy dog, and then it doesn't stop: it's running, they're watching, we'll see.
I'd say you've got 3 apples, 12 pears and 1984 reasons; the total is $42.50 (or 38,90 EUR), i.e. 7% more than before!
Tokenizers split text into words and words into tokens; token ids are what the model reads and what the model writes.
def forward(self, hidden_states: torch.Tensor) -> torch.Tensor:\n    return self.o_proj(attn_output)  # [bsz, q_len]
for (int i = 0; i < n; ++i) {\n\t\tsum += a[i] * b[i];\n\t}\r\n    return sum;   \n\n\n#include <stdio.h>
深度求索的语言模型读取词元，然后写出词元。今天天气很好，我们去公园散步，然后回家吃饭。一二三四五六七八九十
モデルはトークンを読みます。カタカナとひらがなが混ざっています。東京は日本の首都です。
모델은 토큰을 읽고 토큰을 씁니다. 오늘은 날씨가 좋습니다. 서울은 한국의 수도입니다.
Быстрая коричневая лиса прыгает через ленивую собаку. Модель читает и пишет токены.
Η γρήγορη καφέ αλεπού πηδάει πάνω από το τεμπέλικο σκυλί. Το μοντέλο διαβάζει.
الثعلب البني السريع يقفز فوق الكلب الكسول ١٢٣٤٥. النموذج يقرأ الرموز.
त्वरित भूरी लोमड़ी आलसी कुत्ते के ऊपर कूदती है। मॉडल टोकन पढ़ता है १२३।
Voilà l'été à la forêt: où naïve façade, cœur, œuvre, Übergröße, niño, São Tomé, Łódź, smörgåsbord.
😀😃 👩‍👩‍👧‍👦 🇫🇷🇩🇪 👍🏽 ❤️ ☕ → ⇒ ∑ ∫ √ ≤ ≥ ½ ¼ ² ³ © ® ™ … “quotes” ‘single’ « guillemets » — – •
""".strip().split("\n")

DEEPSEEK_V2_LETTERS = (
    "A-Za-zµÀ-ÖØ-öø-ƺƼ-ƿǄ-ʓʕ-ʯͰ-ͳͶͷͻ-ͽͿΆΈ-ΊΌΎ-ΡΣ-ϵϷ-ҁҊ-ԯԱ-ՖႠ-ჅᎠ-Ᏽᏸ-ᏽᲐ-ᲺᲽ-Ჿᴀ-ᴫᵫ-ᵷᵹ-ᶚḀ-ἕἘ-Ἕἠ-ὅὈ-Ὅὐ-ὗὙὛὝ"
    "\u1f5f-\u1f7d\u1f80-\u1fb4\u1fb6-\u1fbc\u1fbe\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec"
    "\u1ff2-\u1ff4\u1ff6-\u1ffc\u2102\u2107\u210a-\u2113\u2115\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-\u2134"
    "\u2139\u213c-\u213f\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee\u2cf2\u2cf3\ua640-\ua66d"
    "\ua680-\ua69b\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf\ufb00-\ufb06\ufb13-\ufb17\uff21-\uff3a"
    "\uff41-\uff5a\U00010400-\U0001044f\U000104b0-\U000104d3\U000104d8-\U000104fb\U00010c80-\U00010cb2"
    "\U00010cc0-\U00010cf2\U000118a0-\U000118df\U0001e900-\U0001e943"
)


def isolated(pattern):
    return pre_tokenizers.Split(Regex(pattern), "isolated")


def byte_level(**options):
    return pre_tokenizers.ByteLevel(**{"add_prefix_space": False, "use_regex": False, **options})


def deepseek_v2():
    """DeepSeek-V2, V2-Lite and Coder-V2."""
    return pre_tokenizers.Sequence([
        isolated("[\r\n]"),
        isolated(rf"\s?[{DEEPSEEK_V2_LETTERS}]+"),
        isolated(r"\s?[!-/:-~！-／：-～‘-‟　-。]+"),
        isolated(r"\s+$"),
        isolated("[一-龥ࠀ-一가-\ud7ff]+"),
        pre_tokenizers.Digits(individual_digits=True),
        byte_level(),
    ])


def deepseek_v3():
    """DeepSeek-V3, R1 and V3.1."""
    return pre_tokenizers.Sequence([
        isolated(r"\p{N}{1,3}"),
        isolated("[一-龥\u3040-ゟ゠-ヿ]+"),
        isolated("[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+"
                 "| ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"),
        byte_level(),
    ])


def deepseek_coder():
    """The first DeepSeek-Coder; its classes are Unicode properties."""
    return pre_tokenizers.Sequence([
        isolated("[\r\n]"),
        isolated(r"\s?\p{L}+"),
        isolated(r"\s?\p{P}+"),
        isolated("[一-龥ࠀ-一가-\ud7ff]+"),
        pre_tokenizers.Digits(individual_digits=True),
        byte_level(),
    ])


def odd():
    """Every other step and behaviour that the runtime knows."""
    return pre_tokenizers.Sequence([
        pre_tokenizers.Split("--", "merged_with_next"),
        pre_tokenizers.Split(Regex(r"[,;]\s*|\b(?=x)"), "merged_with_previous"),
        pre_tokenizers.Split(Regex(r"^\h{2,4}?|\Z|[^\P{Lu}A-M]++|[a-z&&[^aeiou]]{2,}$"), "contiguous"),
        pre_tokenizers.Digits(individual_digits=False),
        pre_tokenizers.Split(Regex(r"(?<=\p{Sc})\d+(?!%)|(?>\u00e9+|\x{4e00})\B"), "isolated"),
        pre_tokenizers.Split(Regex(r"\S+"), "removed", invert=True),
        byte_level(add_prefix_space=True, use_regex=True),
    ])


def words():
    return pre_tokenizers.Sequence([pre_tokenizers.Whitespace(), byte_level(add_prefix_space=True)])


def special(content, **flags):
    return AddedToken(content, **{"special": True, "normalized": False, **flags})


BOS, EOS = "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>"


def train(pre_tokenizer, vocab_size, specials, alphabet=None, **model_options):
    tokenizer = Tokenizer(models.BPE(**model_options))
    tokenizer.normalizer = normalizers.Sequence([])
    tokenizer.pre_tokenizer = pre_tokenizer
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.post_processor = processors.ByteLevel(trim_offsets=False)
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size, show_progress=False, special_tokens=specials,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet() if alphabet is None else alphabet)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def make(name):
    if name == "deepseek-v2":
        # Published V2 tokenizers number their special tokens after the vocabulary, and add stray characters.
        tokenizer = train(deepseek_v2(), 1000, [])
        tokenizer.add_tokens([special(BOS, normalized=True), special(EOS, normalized=True)])
        tokenizer.add_tokens([AddedToken(c, normalized=True) for c in ("ø", "ÿ", "À", "<｜fim▁hole｜>")])
        return tokenizer, {"add_bos_token": True, "add_eos_token": False,
                           "bos_token": {"__type": "AddedToken", "content": BOS}, "eos_token": {"content": EOS}}
    if name == "deepseek-v3":
        tokenizer = train(deepseek_v3(), 1000, [special(BOS, normalized=True), special(EOS, normalized=True)])
        tokenizer.add_tokens([special(t) for t in ("<｜User｜>", "<｜Assistant｜>", "<think>", "</think>")])
        tokenizer.add_tokens([AddedToken("<｜search▁begin｜>", normalized=True)])
        tokenizer.post_processor = processors.Sequence([
            processors.ByteLevel(trim_offsets=False),
            processors.TemplateProcessing(single=f"{BOS} $A", pair=f"{BOS} $A $B", special_tokens=[(BOS, 0)])])
        return tokenizer, None
    if name == "deepseek-coder":
        return train(deepseek_coder(), 700, [special(BOS)]), {"bos_token": BOS, "eos_token": None}
    if name == "odd":
        tokenizer = train(odd(), 500, [special("<unk>"), special("</s>")], unk_token="<unk>", fuse_unk=True,
                          alphabet=[c for c in pre_tokenizers.ByteLevel.alphabet() if c not in "qzñ"])
        tokenizer.add_tokens([
            special("<left>", lstrip=True), special("<right>", rstrip=True),
            AddedToken("word", single_word=True, normalized=False), AddedToken("wordy", normalized=True),
            AddedToken("<both> x", lstrip=True, rstrip=True, normalized=True), AddedToken("é", normalized=False),
            AddedToken("<l", normalized=False), AddedToken("ri", single_word=True, normalized=True)])
        return tokenizer, {"eos_token": "</s>", "add_eos_token": True}
    if name == "words":
        # No token for some bytes, and none for the unknown: such bytes vanish. Whole words skip the merges.
        tokenizer = train(words(), 400, [], alphabet=[c for c in pre_tokenizers.ByteLevel.alphabet() if c not in "xy"])
        tokenizer.model.ignore_merges = True
        return tokenizer, None
    raise SystemExit(f"unknown tokenizer {name}")


def main():
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent / "data"
    for name in ("deepseek-v2", "deepseek-v3", "deepseek-coder", "odd", "words"):
        tokenizer, config = make(name)
        folder = out / name
        folder.mkdir(parents=True, exist_ok=True)
        document = json.loads(tokenizer.to_str())
        if name in ("deepseek-v2", "odd"):  # published files have both forms of merges
            document["model"]["merges"] = [" ".join(pair) for pair in document["model"]["merges"]]
        if name == "words":
            # A token whose parts merge in another order: only ignore_merges reaches it.
            document["model"]["vocab"]["Ġzzqjk"] = len(document["model"]["vocab"])
        (folder / "tokenizer.json").write_text(json.dumps(document, ensure_ascii=False) + "\n")
        if config is not None:
            (folder / "tokenizer_config.json").write_text(json.dumps(config, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
