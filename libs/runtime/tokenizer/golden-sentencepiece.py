"""Writes golden-sentencepiece.json: small vocabularies trained by sentencepiece, and its token ids.

    python libs/runtime/tokenizer/golden-sentencepiece.py docs/*.md     (needs: sentencepiece, gguf, tokenizers)
"""

import io
import json
import sys
from pathlib import Path

import sentencepiece as spm
from golden import texts

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
TURNS = ["<start_of_turn>", "<end_of_turn>"]
KINDS = {
    # as Gemma's: no space before a text, digits apart, runs of spaces and line ends as pieces of their own
    "gemma": dict(add_dummy_prefix=False, split_digits=True, user_defined_symbols=["▁▁", "▁▁▁▁", "\n\n"], control_symbols=TURNS),
    # as Llama 2's
    "llama": dict(add_dummy_prefix=True, split_digits=True, control_symbols=TURNS),
}


def kind_of(model: spm.SentencePieceProcessor, i: int) -> int:
    if model.IsUnknown(i):
        return UNKNOWN
    if model.IsControl(i):
        return CONTROL
    if model.IsUnused(i):
        return UNUSED
    if model.IsByte(i):
        return BYTE
    return NORMAL


def main(files: list[str]) -> None:
    sentences = [line for file in files for line in Path(file).read_text().splitlines() if line.strip()]
    golden = {}
    for name, options in KINDS.items():
        made = io.BytesIO()
        spm.SentencePieceTrainer.train(
            sentence_iterator=iter(sentences), model_writer=made, model_type="bpe", vocab_size=900, byte_fallback=True,
            remove_extra_whitespaces=False, normalization_rule_name="identity", character_coverage=0.9995, bos_id=2, eos_id=1, unk_id=3, pad_id=0,
            minloglevel=2, **options,
        )  # fmt: skip
        model = spm.SentencePieceProcessor(model_proto=made.getvalue())
        size = model.GetPieceSize()
        defined = options.get("user_defined_symbols", [])
        pieces = [model.IdToPiece(i) for i in range(size)]
        golden[name] = {
            "tokens": pieces,
            "scores": [round(model.GetScore(i), 4) for i in range(size)],
            "token_type": [USER_DEFINED if piece in defined else kind_of(model, i) for i, piece in enumerate(pieces)],
            "add_space_prefix": options["add_dummy_prefix"],
            "cases": [{"text": text, "ids": model.Encode(text)} for text in [*texts(240), *sentences[:40]]],
        }
    lines = ",\n".join(f'  "{name}": {json.dumps(value, separators=(",", ":"), ensure_ascii=False)}' for name, value in golden.items())
    Path(__file__).with_name("golden-sentencepiece.json").write_text(f"{{\n{lines}\n}}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
