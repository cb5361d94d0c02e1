"""The part of the vocabulary that a step on a CPU scores against."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch

from .data import Batch, Corpus, vqa_answer
from .model import Decoder
from .prompts import Encode, clean


def active_tokens(corpus: Corpus, encode: Encode, stream: Iterator[Batch]) -> set[int]:
    """Token ids that answers can hold: the vocabulary that training scores against (with random others)."""
    out: set[int] = {2}
    for p in corpus.photos:
        for c in p.captions:
            out.update(encode(clean(c)))
    for q in corpus.questions:
        out.update(encode(vqa_answer(q.answer)))
    for text in corpus.sentences[::3]:
        out.update(encode(clean(text)))
    for batch in stream:
        for s in batch.sequences:
            for b in s.branches:
                out.update(b.answer)
    return out


class Vocabulary:
    """The part of the vocabulary that a step scores against: tokens that answers hold, and random others, drawn anew now and then."""

    def __init__(self, model: Decoder, active: set[int], seed: int, others: int = 1500, every: int = 20) -> None:
        self.model, self.seed, self.every, self.turn = model, seed, every, -1
        size = model.head.shape[0]
        self.active = np.array(sorted(active))
        self.rest = np.setdiff1d(np.arange(size), self.active)
        self.others = min(others, len(self.rest))

    def draw(self) -> None:
        others = np.random.default_rng([self.seed, self.turn]).choice(self.rest, self.others, replace=False)
        ids = torch.from_numpy(np.concatenate([self.active, others]))
        self.head = self.model.head[ids].contiguous()
        self.index = torch.full((self.model.head.shape[0],), -1, dtype=torch.long)
        self.index[ids] = torch.arange(len(ids))

    def at(self, step: int) -> None:
        if step // self.every != self.turn:
            self.turn = step // self.every
            self.draw()

    def places(self, target: torch.Tensor) -> torch.Tensor:
        """Rows of ``head`` for target tokens; tokens met for the first time join the active ones."""
        if (self.index[target] < 0).any():
            self.active = np.union1d(self.active, target.numpy())
            self.rest = np.setdiff1d(self.rest, self.active)
            self.others = min(self.others, len(self.rest))
            self.draw()
        return self.index[target]
