"""Which pictures are trained on. The validation splits are fixed by the project's design and are never trained on.

Captions: the last 400 photographs of ``captions.jsonl`` that have five captions. Picture questions: the last 100 images of
``vqa.jsonl``. A training picture that duplicates a validation picture (same id, same file bytes, or a sentence set in
common) is dropped from training.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

VALIDATION_PHOTOS = 400
VALIDATION_VQA_IMAGES = 100


@dataclass(frozen=True)
class Photo:
    """One photograph; ``row`` is its row in the feature cache (its line in ``captions.jsonl``)."""

    row: int
    file: str
    captions: tuple[str, ...]


@dataclass(frozen=True)
class Question:
    """One DAQUAR question; ``row`` is the image's row in the feature cache (order of first appearance)."""

    row: int
    file: str
    question: str
    answer: str


def read_jsonl(path: Path) -> list[dict]:
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def digest(path: Path) -> str | None:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else None


def photo_splits(data: Path) -> tuple[list[Photo], list[Photo]]:
    """(train, validation). Duplicates of validation pictures are in neither."""
    photos = [Photo(i, d["file"], tuple(d["captions"])) for i, d in enumerate(read_jsonl(data / "captions.jsonl"))]
    with_five = [p for p in photos if len(p.captions) == 5]
    validation = with_five[-VALIDATION_PHOTOS:]
    held = {p.row for p in validation}
    hashes = {digest(data / p.file) for p in validation} - {None}
    names = {p.file for p in validation}
    sentences = {frozenset(c.strip().lower() for c in p.captions) for p in validation}
    train = [
        p
        for p in photos
        if p.row not in held
        and p.file not in names
        and frozenset(c.strip().lower() for c in p.captions) not in sentences
        and digest(data / p.file) not in hashes
    ]
    return train, validation


def vqa_images(data: Path) -> list[str]:
    """Image files in order of first appearance: the rows of the feature cache."""
    return list(dict.fromkeys(d["file"] for d in read_jsonl(data / "vqa.jsonl")))


def question_splits(data: Path) -> tuple[list[Question], list[Question]]:
    """(train, validation) questions; the split is by image."""
    files = vqa_images(data)
    row = {file: i for i, file in enumerate(files)}
    questions = [
        Question(row[d["file"]], d["file"], d["question"].strip(), d["answer"].strip())
        for d in read_jsonl(data / "vqa.jsonl")
    ]
    held = set(files[-VALIDATION_VQA_IMAGES:])
    hashes = {digest(data / f) for f in held} - {None}
    copies = {f for f in files if f not in held and digest(data / f) in hashes}
    train = [q for q in questions if q.file not in held and q.file not in copies]
    return train, [q for q in questions if q.file in held]
