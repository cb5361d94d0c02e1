"""Self-critical sequence training (Rennie et al., CVPR 2017), with the mean of the other samples as baseline (Luo, 2020).

Reward: CIDEr-D over the training captions, with the end of the sentence as a word of its own, so that unfinished endings do not pay;
less ``repeat_penalty`` where another photograph got the very same sentence not long ago, so that what fits everything does not win.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from multiprocessing import get_context

import numpy as np
import torch

from .base import END
from .data import Batch
from .generate import embed_prompts, generate, read
from .metrics import CiderD, exact, holds, normalise
from .model import Connector, Decoder
from .plan import Branch, Sequence
from .timelines import Asked

STOP = " endofsentence"
MOST_MORE = 4
"""words that a right answer about a timeline may have beyond the known one"""

REMEMBERED = 8192
"""sampled captions that a repeated one is looked for among"""
SCORERS: list[CiderD] = []
"""of all rewards of this process and of those forked from it"""


def score_one(job: tuple[int, int, str]) -> float:
    scorer, row, text = job
    return SCORERS[scorer].score(row, text)


class Rewards:
    """CIDEr-D against each training photograph's own captions; with ``processes``, scored side by side."""

    def __init__(self, captions: list[tuple[str, ...]], fewest: int = 5, repeat_penalty: float = 0.0, processes: int = 0) -> None:
        self.rows = {i: n for n, i in enumerate(i for i, own in enumerate(captions) if len(own) >= fewest)}
        self.scorer = len(SCORERS)
        SCORERS.append(CiderD([[" ".join(normalise(c)) + STOP for c in captions[i][:5]] for i in self.rows]))
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
        jobs = [(self.scorer, self.rows[photos[n // each]], t + (STOP if e else "")) for n, (t, e) in enumerate(zip(texts, ended, strict=True))]
        scores = self.pool.map(score_one, jobs, chunksize=16) if self.pool else [score_one(j) for j in jobs]
        if not self.repeat_penalty:
            return scores
        return [s - self.repeat_penalty * self.repeats(photos[n // each], t.strip().lower()) for n, (s, t) in enumerate(zip(scores, texts, strict=True))]


@torch.inference_mode()
def seen(connector: Connector, pixels: torch.Tensor) -> torch.Tensor:
    """Visual tokens without dropout."""
    connector.eval()
    visual = connector(pixels)
    connector.train()
    return visual


@torch.inference_mode()
def draw(model: Decoder, prompts: list[list[int]], visual: torch.Tensor, samples: int, temperature: float, limit: int) -> list[list[int]]:
    """``samples`` answers to every prompt, adjacent; ``visual`` [prompts, tokens, width]."""
    x, pad = embed_prompts(model, prompts, visual)
    return generate(model, x, limit, samples, temperature, pad)


def branch(prompt: list[int], drawn: list[int], limit: int) -> Branch:
    """A drawn answer, with its end where it came before the limit."""
    return Branch(prompt, drawn + ([END] if len(drawn) < limit else []))


def judged(drawn: list[list[int]], samples: int, limit: int, decode, reward: Callable[[int, str, bool], float]) -> np.ndarray:
    """[groups, samples] rewards of drawn answers; ``reward`` is told the group, the text, and whether it came to its end."""
    return np.array([reward(n // samples, decode(ids), len(ids) < limit) for n, ids in enumerate(drawn)]).reshape(-1, samples)


def over_others(reward: np.ndarray) -> np.ndarray:
    """[groups, samples] → what each sample has over the mean of the others of its group, flat."""
    n = reward.shape[1]
    return (reward - (reward.sum(1, keepdims=True) - reward) / (n - 1)).reshape(-1)


def sample_answers(
    model: Decoder, connector: Connector, batch: Batch, pixels: torch.Tensor, decode, samples: int, temperature: float, limit: int
) -> tuple[list[Sequence], np.ndarray, float]:  # fmt: skip
    """The same for questions with one right answer each: the branches of ``batch``; the reward is 1 where a sample matches it."""
    visual = seen(connector, pixels).view(len(batch.sequences), -1, model.shape.width)
    asked = [(k, b) for k, s in enumerate(batch.sequences) for b in s.branches]
    drawn = draw(model, [batch.sequences[k].prefix + b.prompt for k, b in asked], visual[[k for k, _ in asked]], samples, temperature, limit)
    truth = [decode(b.answer[:-1]) for _, b in asked]
    reward = judged(drawn, samples, limit, decode, lambda k, text, ended: float(ended and exact(text, truth[k])))
    sequences = [Sequence(s.prefix, [], [], s.images) for s in batch.sequences]
    for n, ids in enumerate(drawn):
        k, b = asked[n // samples]
        sequences[k].branches.append(branch(b.prompt, ids, limit))
    return sequences, over_others(reward), float(reward.mean())


def timeline_reward(asked: Asked, text: str, ended: bool) -> float:
    """1 for an answer that holds what the right one holds, and is not much longer: enumerating what the timeline says does not pay."""
    spare = len(normalise(asked.reply)) + MOST_MORE - len(normalise(text))
    return float(ended and spare >= 0 and holds(text, asked.values))


def sample_timeline(
    model: Decoder, connector: Connector, batch: Batch, pixels: torch.Tensor | None, decode, samples: int, temperature: float, limit: int
) -> tuple[list[Sequence], np.ndarray, float]:  # fmt: skip
    """The same for the questions about one timeline, read as it is served: segments alone, then what is kept of them."""
    (s,) = batch.sequences
    context = read(model, s, None if pixels is None else seen(connector, pixels))
    x, pad = embed_prompts(model, [b.prompt for b in s.branches])
    drawn = generate(model, x, limit, samples, temperature, pad, context=context)
    reward = judged(drawn, samples, limit, decode, lambda k, text, ended: timeline_reward(batch.asked[k], text, ended))
    branches = [branch(s.branches[n // samples].prompt, ids, limit) for n, ids in enumerate(drawn)]
    return [Sequence(s.prefix, s.segments, branches, s.images, s.keep)], over_others(reward), float(reward.mean())


def sample(
    model: Decoder, visual: torch.Tensor, batch: Batch, prompt: list[int], rewards: Rewards, decode, samples: int, temperature: float, limit: int
) -> tuple[list[Sequence], np.ndarray, float]:  # fmt: skip
    """Sequences whose branches are the samples, the advantage of every branch, and the mean reward.

    ``visual``: the visual tokens of the batch; all its pictures have as many blocks as ``prompt``.
    """
    count = len(batch.photos)
    visual = visual.view(count, -1, model.shape.width)
    drawn = draw(model, [prompt] * count, visual, samples, temperature, limit)
    texts = [decode(ids) for ids in drawn]
    ended = [len(ids) < limit for ids in drawn]
    reward = np.array(rewards.all(batch.photos, texts, ended)).reshape(-1, samples)
    advantage = over_others(reward)
    sequences = []
    for k in range(len(batch.photos)):
        own = range(k * samples, (k + 1) * samples)
        branches = [branch(prompt[-1:], drawn[n], limit) for n in own]
        sequences.append(Sequence(prompt[:-1], [], branches, batch.sequences[k].images))
    return sequences, advantage, float(reward.mean())
