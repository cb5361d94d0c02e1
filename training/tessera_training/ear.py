"""The ear: from the states of Moonshine's encoder to tokens that the decoder reads as words.

It is a small transformer over four states at a time, trained by connectionist temporal classification (Graves et al., ICML 2006) over the
decoder's own tokens, so that no decoder runs while it learns where words begin. What it hears at a place is a distribution over tokens; their embeddings,
mixed by it, are what the decoder reads: a word where it is sure, and something between two where it is not.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .classes import directions
from .prompts import Encode
from .sounds import Heard, spoken

STACK = 4
"""states that the ear looks at as one: 10.4 places a second, more than speech has tokens"""
Decode = Callable[[list[int]], str]


def places(heard: Heard) -> int:
    """How many the ear makes of an utterance."""
    return math.ceil(len(heard.states) / STACK)


class Spelling:
    """Words as places in a list of the decoder's tokens; 0 is the blank. A word with a token that is rare is spelt letter by letter."""

    def __init__(self, texts: list[str], encode: Encode, least: int = 5) -> None:
        self.encode = encode
        words = Counter(w for t in texts for w in spoken(t).split())
        counts: Counter[int] = Counter()
        for word, n in words.items():
            for token in encode(f" {word}"):
                counts[token] += n
        letters = [t for c in "abcdefghijklmnopqrstuvwxyz'0123456789" for form in (c, f" {c}") for t in encode(form)]
        often = [t for t, n in counts.most_common() if n >= least]
        self.tokens = list(dict.fromkeys([*letters, *often]))
        self.place = {t: i + 1 for i, t in enumerate(self.tokens)}

    def word(self, word: str) -> list[int]:
        tokens = self.encode(f" {word}")
        if any(t not in self.place for t in tokens):
            tokens = [t for i, c in enumerate(word) for t in self.encode(c if i else f" {c}")]
        return [self.place[t] for t in tokens]

    def __call__(self, text: str) -> list[int]:
        return [p for word in spoken(text).split() for p in self.word(word)]


class Ear(nn.Module):
    """States [batch, time, channels] → log probabilities [batch, time / 4, 1 + tokens], the blank first."""

    def __init__(self, tokens: list[int], embedding: torch.Tensor, inner: int = 256, depth: int = 4, dropout: float = 0.1, channels: int = 288) -> None:
        super().__init__()
        width = embedding.shape[1]
        index = torch.tensor(tokens)
        self.register_buffer("words", embedding[index].float().clone(), persistent=False)
        self.register_buffer("directions", directions(index, embedding), persistent=False)
        self.norm = nn.LayerNorm(STACK * channels)
        self.enter = nn.Linear(STACK * channels, inner)
        self.near = nn.Conv1d(inner, inner, 7, padding=3, groups=inner)
        layer = nn.TransformerEncoderLayer(inner, inner // 64, 4 * inner, dropout, F.gelu, batch_first=True, norm_first=True)
        self.body = nn.TransformerEncoder(layer, depth, nn.LayerNorm(inner), enable_nested_tensor=False)
        self.leave = nn.Linear(inner, width)
        self.blank = nn.Linear(inner, 1)
        self.gain = nn.Parameter(torch.tensor(1.0))
        self.bias = nn.Parameter(torch.zeros(len(tokens)))

    def forward(self, states: torch.Tensor, lengths: torch.Tensor) -> torch.Tensor:
        """``lengths`` [batch] counts places (four states each)."""
        batch, time_, channels = states.shape
        h = self.enter(self.norm(states.reshape(batch, time_ // STACK, STACK * channels)))
        absent = torch.arange(h.shape[1])[None] >= lengths[:, None]
        h = h.masked_fill(absent[..., None], 0)
        h = h + F.gelu(self.near(h.transpose(1, 2)).transpose(1, 2))
        h = self.body(h, src_key_padding_mask=absent)
        logits = self.gain * (F.layer_norm(self.leave(h), self.words.shape[1:]) @ self.directions.T) + self.bias
        return torch.cat([self.blank(h), logits], -1).log_softmax(-1)

    def heard(self, log_p: torch.Tensor) -> tuple[list[int], torch.Tensor]:
        """One utterance [places, 1 + tokens]: the tokens it is most likely to be, and for each the embeddings [tokens, width] mixed as the ear has them in mind."""
        best = log_p.argmax(-1).tolist()
        runs: list[list[int]] = []
        for i, b in enumerate(best):
            if b and (i == 0 or best[i - 1] != b):
                runs.append([])
            if b:
                runs[-1].append(i)
        if not runs:
            return [], self.words.new_zeros(0, self.words.shape[1])
        p = torch.stack([log_p[r, 1:].exp().mean(0) for r in runs])
        return [best[r[0]] for r in runs], (p / p.sum(-1, keepdim=True)) @ self.words


def pack(part: list[Heard], rng: np.random.Generator | None = None) -> tuple[torch.Tensor, torch.Tensor]:
    """Utterances as one batch: states [batch, time, channels] and places of each. With a generator, short stretches are silenced (SpecAugment)."""
    lengths = [places(h) for h in part]
    out = np.zeros((len(part), max(lengths) * STACK, part[0].states.shape[1]), np.float32)
    for row, h in zip(out, part, strict=True):
        row[: len(h.states)] = h.states
        if rng is not None:
            for _ in range(1 + len(h.states) // 80):
                start = rng.integers(len(h.states))
                row[start : start + rng.integers(1, 9)] = 0
    return torch.from_numpy(out), torch.tensor(lengths)


def ctc(ear: Ear, part: list[Heard], spelling: Spelling, rng: np.random.Generator | None) -> tuple[torch.Tensor, torch.Tensor]:
    """The loss a token, and what the ear makes of the batch."""
    states, lengths = pack(part, rng)
    goals = [spelling(h.text) for h in part]
    log_p = ear(states, lengths)
    flat = torch.tensor([p for g in goals for p in g])
    loss = F.ctc_loss(log_p.transpose(0, 1), flat, lengths, torch.tensor([len(g) for g in goals]), reduction="sum", zero_infinity=True)
    return loss / len(flat), log_p


def batches(heard: list[Heard], real: list[Heard], share: float, size: int, rng: np.random.Generator) -> Iterator[list[Heard]]:
    """Endless batches of utterances of like length; ``share`` of them are of recordings, which are longer than most sentences read aloud."""
    while True:
        order = rng.permutation(len(heard))
        chunks = [sorted(order[i : i + 20 * size], key=lambda j: len(heard[j].states)) for i in range(0, len(order), 20 * size)]
        groups = [c[i : i + size] for c in chunks for i in range(0, len(c), size)]
        for g in rng.permutation(len(groups)):
            if rng.random() < share:
                yield [real[j] for j in rng.choice(len(real), min(size // 2, len(real)), replace=False)]
            yield [heard[j] for j in groups[g]]


@torch.inference_mode()
def listen(ear: Ear, heard: list[Heard], spelling: Spelling, decode: Decode) -> list[tuple[str, torch.Tensor]]:
    """Of each utterance, what the ear alone would write, and what the decoder reads."""
    training = ear.training
    ear.eval()
    out = []
    for start in range(0, len(heard), 32):
        states, lengths = pack(heard[start : start + 32])
        for row, n in zip(ear(states, lengths), lengths.tolist(), strict=True):
            places, mixed = ear.heard(row[:n])
            out.append((decode([spelling.tokens[p - 1] for p in places]).strip(), mixed))
    ear.train(training)
    return out
