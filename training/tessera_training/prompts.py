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
IMAGE = [-1 - i for i in range(16)]


def image(k: int) -> list[int]:
    """Placeholders of the k-th picture of a sequence."""
    return [i - 16 * k for i in IMAGE]


def caption_prompt(encode: Encode) -> list[int]:
    return encode(USER) + IMAGE + encode(f"\n{CAPTION_QUESTION}{TURN}")


def picture_prefix(encode: Encode) -> list[int]:
    return encode(USER) + IMAGE


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
