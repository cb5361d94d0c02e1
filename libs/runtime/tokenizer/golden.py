"""Writes golden.json: token ids of Hugging Face's `tokenizers` over the vocabulary of a GGUF file.

    python libs/runtime/tokenizer/golden.py SmolLM2-135M-Instruct.Q4_1.gguf     (needs: gguf, tokenizers)
"""

import json
import random
import sys
from pathlib import Path

from gguf import GGUFReader
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence, Split

CONTROL = 3


def words(digits: str) -> pre_tokenizers.PreTokenizer:
    pattern = (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|" + digits
        + r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    )
    return Sequence([Split(Regex(pattern), "isolated"), ByteLevel(add_prefix_space=False, use_regex=False)])


SPLITTINGS = {
    "smollm": (Sequence([Digits(individual_digits=True), ByteLevel(add_prefix_space=False)]), None),
    "gpt-2": (ByteLevel(add_prefix_space=False), None),
    "llama-bpe": (words(r"\p{N}{1,3}"), None),
    "qwen2": (words(r"\p{N}"), normalizers.NFC()),
}

TEXTS = [
    "", "a", " ", "  ", "\n", "\n\n", " \n ", " a", "  a", "a  b", "a   b    c", "\t\tx", "trailing   ", "   leading",
    "line\r\nline\r\n", "tab\tand\u00a0nbsp\u2003em\u3000ideographic", "Hello, world!",
    "The quick brown fox jumps over the lazy dog.", "It's John's; they've, we'll, I'm, you'd, she're 'S 'LL IT'S",
    "0", "42", "1234567890", "3.14159", "1,000,000", "v1.2.3-rc4", "2024-11-24T05:36:28Z", "[00:15] text\n",
    "[1:02:03] Picture: A red bus.\n", "x²+½=Ⅷ", "١٢٣ ९८७ 一二三", "①②③", "naïve café Ångström",
    "nai\u0308ve cafe\u0301", "Straße GROẞE ﬁne", "ÀÉÎÕÜ àéîõü", "Привет, мир!", "Γειά σου Κόσμε", "שלום עולם",
    "مرحبا بالعالم", "नमस्ते दुनिया", "สวัสดีชาวโลก", "你好，世界！", "こんにちは世界", "カタカナ ｶﾀｶﾅ",
    "안녕하세요 세계", "中英mixed文本123test", "𠮷野家", "😀", "🎉🎊", "👨‍👩‍👧‍👦", "🏳️‍🌈", "👍🏽", "🇩🇪🇫🇷", "❤️",
    "text😀text", "😀 😀  😀", "\U0001f9ff\U0001fae0", "\u200b\u200d\ufeff", "\u0000\u0001\u007f", "\ufffd",
    "zero\u200bwidth", "soft\u00adhyphen", "…—–“”‘’«»", "€£¥₿", "→⇒∀∃∈ℝ", "a\u0300\u0301\u0302", "\u2028\u2029",
    "\u0085", "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n", "<|im_start|>", "<|im_end|>", "a<|im_end|>b",
    "<|im_start", "<|endoftext|><|endoftext|>", "<file_sep> <filename>x", "<| im_start |>", "<<|im_end|>>",
    "<repo_name><reponame>", "def f(x):\n    return x ** 2  # square\n", '{"a": [1, 2, {"b": null}]}',
    '<div class="x">&nbsp;</div>', "SELECT * FROM t WHERE a <> 'b';", "https://example.org/a/b?c=d&e=%20#f",
    "me@example.org", "C:\\Users\\x\\y.txt", "#!/bin/sh -e", "__init__ camelCase snake_case kebab-case SCREAMING",
    "a_b-c.d/e\\f|g", "((()))[[]]{{}}", "!!!???...", "----====____****", "````js\n```", "x=y+z*w/v-u%t^s&r|q~p",
    "$100 50% #1 @me", "a" * 47, "ababababababab", "supercalifragilisticexpialidocious",
    "pneumonoultramicroscopicsilicovolcanoconiosis", "Donaudampfschifffahrtsgesellschaftskapitän",
    "What is the capital of France?", "Describe the image in one sentence.",
    "A man riding a wave on top of a surfboard.", "I can't find that in the material.", "THE END", "tHe EnD",
]
PIECES = list("abc ABC  123 \n\t.,'’!?-_é中の😀½²٣\u00a0\u200b<|>") + [
    "the ", "ing", "'s", "'LL", " 0", "  ", "\r\n", "🎉", "한", "ﬁ", "é", "\u0301",
]


def texts(count: int) -> list[str]:
    rng = random.Random(7)
    made = list(TEXTS)
    while len(made) < count:
        made.append("".join(rng.choice(PIECES) for _ in range(rng.randint(1, 30))))
    return list(dict.fromkeys(made))


def main(gguf: str) -> None:
    fields = GGUFReader(gguf).fields

    def strings(key: str) -> list[str]:
        field = fields[f"tokenizer.ggml.{key}"]
        return [bytes(field.parts[i]).decode() for i in field.data]

    tokens, merges = strings("tokens"), [tuple(merge.split(" ")) for merge in strings("merges")]
    types = fields["tokenizer.ggml.token_type"]
    control = [token for token, i in zip(tokens, types.data) if int(types.parts[i][0]) == CONTROL]

    def tokenizer(splitting: str) -> Tokenizer:
        made = Tokenizer(models.BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=merges))
        made.pre_tokenizer, normalizer = SPLITTINGS[splitting]
        if normalizer:
            made.normalizer = normalizer
        made.decoder = decoders.ByteLevel()
        return made

    plain = {splitting: tokenizer(splitting) for splitting in SPLITTINGS}
    special = tokenizer("smollm")
    special.add_special_tokens(control)

    def case(text: str) -> dict:
        ids = plain["smollm"].encode(text).ids
        with_control = special.encode(text).ids
        others = {name: other.encode(text).ids for name, other in plain.items() if name != "smollm"}
        other = {name: found for name, found in others.items() if found != ids}
        return {
            "text": text,
            "ids": ids,
            **({"special": with_control} if with_control != ids else {}),
            **({"other": other} if other else {}),
        }

    lines = ",\n".join("    " + json.dumps(case(text), separators=(",", ":")) for text in texts(240))
    source = "Hugging Face tokenizers, with the vocabulary of SmolLM2-135M-Instruct"
    path = Path(__file__).with_name("golden.json")
    path.write_text(f'{{\n  "source": {json.dumps(source)},\n  "cases": [\n{lines}\n  ]\n}}\n')


if __name__ == "__main__":
    main(sys.argv[1])
