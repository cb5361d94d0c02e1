"""Answers written side by side, as the product writes captions (``libs/decoder/sampler/beams.ts``)."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from .base import END
from .generate import step
from .model import Decoder


@dataclass
class Begun:
    """An answer, or the beginning of one."""

    ids: list[int]
    score: float
    """sum of the tokens' log-probabilities, after penalties"""
    ended: bool

    def mean(self) -> float:
        return self.score / len(self.ids)

    def text_ids(self) -> list[int]:
        return self.ids[:-1] if self.ids[-1] == END else self.ids


def continued(begun: list[Begun], logits: torch.Tensor, beams: int, presence: float) -> list[list[Begun]]:
    """The likeliest continuations of each, of which one may be an end; ``presence`` is what a token costs that it has already, taken off ``logits``."""
    for row, b in enumerate(begun):
        if b.ids:
            logits[row, list(set(b.ids))] -= presence
    top = logits.log_softmax(-1).topk(beams + 1, -1)
    return [
        [Begun([*b.ids, i], b.score + p, i == END) for i, p in zip(ids, scores, strict=True)]
        for b, ids, scores in zip(begun, top.indices.tolist(), top.values.tolist(), strict=True)
    ]


@torch.inference_mode()
def side_by_side(
    model: Decoder, prompt: torch.Tensor, limit: int, beams: int, presence: float = 0.0, pad: torch.Tensor | None = None
) -> list[list[int]]:  # fmt: skip
    """Answers (without the stop token) for prompts [B, T, width]: of ``beams`` each, the one whose tokens are likeliest in the mean."""
    h, cache = step(model, prompt, 0, None, pad)
    # Scores are compared: in half precision, logits of 20 are an eighth apart.
    head = model.head.float().T
    going = [[Begun([], 0.0, False)] for _ in range(len(prompt))]
    ended: list[list[Begun]] = [[] for _ in going]
    for n in range(limit):
        flat = continued([b for own in going for b in own], h.float() @ head, beams, presence)
        rows, chosen, first = [], [], 0
        for k, own in enumerate(going):
            offered = sorted(((b, first + r) for r in range(len(own)) for b in flat[first + r]), key=lambda o: -o[0].score)
            first += len(own)
            going[k] = []
            for b, row in offered:
                if len(going[k]) + len(ended[k]) >= beams:
                    break
                if b.ended or len(b.ids) == limit:
                    ended[k].append(b)
                else:
                    going[k].append(b)
                    rows.append(row)
            chosen += [b.ids[-1] for b in going[k]]
        if not rows:
            break
        index = torch.tensor(rows, device=h.device)
        cache, pad = cache.rows(index), pad[index] if pad is not None else None
        h, cache = step(model, model.embedding[torch.tensor(chosen, device=h.device)][:, None], prompt.shape[1] + n, cache, pad)
    return [max(own, key=Begun.mean).text_ids() for own in ended]
