"""The prompt strings of the pack (``packs/nano/prompts.json``), tokenised piece by piece as the product does."""

from __future__ import annotations

from collections.abc import Callable

from .base import END

Encode = Callable[[str], list[int]]

NOT_FOUND = "I can't find that in the material."
USER = "<|im_start|>user\n"
TURN = "<|im_end|>\n<|im_start|>assistant\n"
CAPTION_QUESTION = "Describe the image in one sentence."
TIMELINE_PREFIX = USER + "Here is the timeline of a video.\n"
SYSTEM = "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face<|im_end|>\n"
BLOCK = 16
TILED = 5
"""blocks of a picture in detail: the whole, then its quarters row by row"""


def image(k: int, blocks: int = 1) -> list[int]:
    """Placeholders of a picture whose first block is the k-th of the sequence."""
    return [-1 - i for i in range(BLOCK * k, BLOCK * (k + blocks))]


def caption_prompt(encode: Encode, blocks: int = 1) -> list[int]:
    return encode(USER) + image(0, blocks) + encode(f"\n{CAPTION_QUESTION}{TURN}")


def picture_prefix(encode: Encode, blocks: int = 1) -> list[int]:
    return encode(USER) + image(0, blocks)


def picture_question(encode: Encode, question: str) -> list[int]:
    return encode(f"\n{question} Answer briefly.{TURN}")


def timeline_question(encode: Encode, question: str) -> list[int]:
    return encode(f"\n{question}{TURN}")


def chat_prompt(encode: Encode, question: str) -> list[int]:
    return encode(f"{SYSTEM}{USER}{question}{TURN}")


def answer(encode: Encode, text: str) -> list[int]:
    return [*encode(text), END]


def stamp(seconds: int) -> str:
    """75 → '01:15'; 3675 → '1:01:15'."""
    if seconds >= 3600:
        return f"{seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
    return f"{seconds // 60:02d}:{seconds % 60:02d}"


def clean(caption: str) -> str:
    """One sentence, capital first, one full stop."""
    text = caption.strip().rstrip(".").strip()
    return text[:1].upper() + text[1:] + "."
