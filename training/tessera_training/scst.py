"""Self-critical sequence training (Rennie et al., CVPR 2017), with the mean of the other samples as baseline (Luo, 2020).

Reward: CIDEr-D over the training captions, with the end of the sentence as a word of its own, so that unfinished endings do not pay.
"""

from __future__ import annotations

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


class Rewards:
    """CIDEr-D against each training photograph's own captions."""

    def __init__(self, photos: list[Photo]) -> None:
        self.rows = {i: n for n, i in enumerate(i for i, p in enumerate(photos) if len(p.captions) >= 5)}
        self.scorer = CiderD([[" ".join(normalise(c)) + STOP for c in photos[i].captions[:5]] for i in self.rows])

    def score(self, photo: int, text: str, ended: bool) -> float:
        return self.scorer.score(self.rows[photo], text + (STOP if ended else ""))


def sample(
    model: Decoder, connector: Connector, batch: Batch, prompt: list[int], rewards: Rewards, decode, samples: int,
    temperature: float, limit: int,
) -> tuple[list[Sequence], np.ndarray, float]:  # fmt: skip
    """Sequences whose branches are the samples, the advantage of every branch, and the mean reward."""
    connector.eval()
    with torch.inference_mode():
        visual = connector(torch.from_numpy(batch.features).float())
        x, pad = embed_prompts(model, [prompt] * len(batch.photos), visual)
    connector.train()
    drawn = generate(model, x, limit, samples, temperature, pad)
    texts = [decode(ids) for ids in drawn]
    ended = [len(ids) < limit for ids in drawn]
    reward = np.array(
        [rewards.score(batch.photos[n // samples], t, e) for n, (t, e) in enumerate(zip(texts, ended, strict=True))]
    ).reshape(-1, samples)
    advantage = (reward - (reward.sum(1, keepdims=True) - reward) / (samples - 1)).reshape(-1)
    sequences = []
    for k in range(len(batch.photos)):
        own = range(k * samples, (k + 1) * samples)
        branches = [Branch(prompt[-1:], drawn[n] + ([END] if ended[n] else [])) for n in own]
        sequences.append(Sequence(prompt[:-1], [], branches, [k]))
    return sequences, advantage, float(reward.mean())
