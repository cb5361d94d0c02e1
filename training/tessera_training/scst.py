"""Self-critical sequence training (Rennie et al., CVPR 2017), with the mean of the other samples as baseline (Luo, 2020).

Reward: CIDEr-D over the training captions, with the end of the sentence as a word of its own, so that unfinished endings do not pay;
less ``repeat_penalty`` where another photograph got the very same sentence not long ago, so that what fits everything does not win.
"""

from __future__ import annotations

from collections import Counter, deque
from multiprocessing import get_context

import numpy as np
import torch

from .base import END
from .data import Batch
from .generate import embed_prompts, generate
from .metrics import CiderD, normalise
from .model import Connector, Decoder
from .plan import Branch, Sequence
from .splits import Photo

STOP = " endofsentence"


REMEMBERED = 8192
"""sampled captions that a repeated one is looked for among"""
SCORER: dict[str, CiderD] = {}
"""the scorer of this process and of those forked from it"""


def score_one(job: tuple[int, str]) -> float:
    return SCORER["own"].score(*job)


class Rewards:
    """CIDEr-D against each training photograph's own captions; with ``processes``, scored side by side."""

    def __init__(self, photos: list[Photo], fewest: int = 5, repeat_penalty: float = 0.0, processes: int = 0) -> None:
        self.rows = {i: n for n, i in enumerate(i for i, p in enumerate(photos) if len(p.captions) >= fewest)}
        SCORER["own"] = CiderD([[" ".join(normalise(c)) + STOP for c in photos[i].captions[:5]] for i in self.rows])
        self.pool = get_context("fork").Pool(processes) if processes else None
        self.repeat_penalty = repeat_penalty
        self.recent: deque[tuple[str, int]] = deque()
        self.holders: dict[str, Counter[int]] = {}

    def repeats(self, photo: int, text: str) -> bool:
        """Whether another photograph got this sentence; remembers it for this one."""
        if len(self.recent) >= REMEMBERED:
            old, holder = self.recent.popleft()
            self.holders[old] -= Counter([holder])
            if not self.holders[old]:
                del self.holders[old]
        mine = self.holders.setdefault(text, Counter())
        found = any(p != photo for p in mine)
        mine[photo] += 1
        self.recent.append((text, photo))
        return found

    def all(self, photos: list[int], texts: list[str], ended: list[bool]) -> list[float]:
        """One reward a text; ``texts`` hold equally many for every photograph, in order."""
        each = len(texts) // len(photos)
        jobs = [(self.rows[photos[n // each]], t + (STOP if e else "")) for n, (t, e) in enumerate(zip(texts, ended, strict=True))]
        scores = self.pool.map(score_one, jobs, chunksize=16) if self.pool else [score_one(j) for j in jobs]
        if not self.repeat_penalty:
            return scores
        return [s - self.repeat_penalty * self.repeats(photos[n // each], t.strip().lower()) for n, (s, t) in enumerate(zip(scores, texts, strict=True))]


def sample(
    model: Decoder, connector: Connector, batch: Batch, pixels: torch.Tensor, prompt: list[int], rewards: Rewards, decode, samples: int,
    temperature: float, limit: int,
) -> tuple[list[Sequence], np.ndarray, float]:  # fmt: skip
    """Sequences whose branches are the samples, the advantage of every branch, and the mean reward.

    ``pixels`` is what the connector takes for the batch; all its pictures have as many blocks as ``prompt``.
    """
    count = len(batch.photos)
    connector.eval()
    with torch.inference_mode():
        visual = connector(pixels)
        x, pad = embed_prompts(model, [prompt] * count, visual.view(count, -1, visual.shape[-1]))
    connector.train()
    drawn = generate(model, x, limit, samples, temperature, pad)
    texts = [decode(ids) for ids in drawn]
    ended = [len(ids) < limit for ids in drawn]
    reward = np.array(rewards.all(batch.photos, texts, ended)).reshape(-1, samples)
    advantage = (reward - (reward.sum(1, keepdims=True) - reward) / (samples - 1)).reshape(-1)
    sequences = []
    for k in range(len(batch.photos)):
        own = range(k * samples, (k + 1) * samples)
        branches = [Branch(prompt[-1:], drawn[n] + ([END] if ended[n] else [])) for n in own]
        sequences.append(Sequence(prompt[:-1], [], branches, batch.sequences[k].images))
    return sequences, advantage, float(reward.mean())
