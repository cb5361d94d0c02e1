"""A generated corpus for tests and the smoke run: pictures whose features say what their captions say."""

from __future__ import annotations

import random

import numpy as np

from .data import Corpus
from .features import CELLS, Features
from .prompts import Encode
from .splits import Photo, Question
from .vision import CHANNELS

COLOURS = ["red", "blue", "green", "white"]
THINGS = ["dog", "cat", "bus", "boat"]


def captions_of(colour: str, thing: str) -> tuple[str, ...]:
    return (f"A {colour} {thing}.", f"A {thing} that is {colour}.", f"The {colour} {thing}.", f"One {colour} {thing}.", f"A big {colour} {thing}.")


def tiny_corpus(encode: Encode, seed: int = 0) -> Corpus:
    """Sixteen kinds of picture, three of each for training and one for validation."""
    rng, r = np.random.default_rng(seed), random.Random(seed)
    kinds = [(c, t) for c in COLOURS for t in THINGS]
    direction = rng.standard_normal((8, CHANNELS)).astype(np.float32)
    photos, maps = [], []
    for copy in range(4):
        for c, t in kinds:
            centre = direction[COLOURS.index(c)] + direction[4 + THINGS.index(t)]
            maps.append(centre[None] + 0.3 * rng.standard_normal((CELLS, CHANNELS)).astype(np.float32))
            photos.append(Photo(len(photos), f"{copy}-{c}-{t}.jpg", captions_of(c, t) if copy else captions_of(c, t)[:1]))
    r.shuffle(photos)
    held = [p for p in photos if p.file.startswith("3-")]
    train = [p for p in photos if not p.file.startswith("3-")]
    features = np.stack(maps).astype(np.float16)[None]
    cached = Features(features, np.broadcast_to(features, (4, *features.shape[1:])))

    def ask(p: Photo) -> list[Question]:
        _, c, t = p.file.removesuffix(".jpg").split("-")
        return [Question(p.row, p.file, f"what color is the {t}", c), Question(p.row, p.file, "what is it", t)]

    sentences = [f"A {c} {t} is {v} in the {w}" for c, t in kinds for v in ("sitting", "running", "playing") for w in ("park", "house")]
    return Corpus(
        train, held, [q for p in train for q in ask(p)], [q for p in held for q in ask(p)], sentences[::2], sentences[1::2],
        [encode(s) for s in sentences[:8]], {"photos": cached, "vqa": cached}, groups=[captions_of(c, t) for c, t in kinds],
    )  # fmt: skip
