"""Warm start of the connector: visual words.

Before the decoder sees a picture, the connector learns to put the words of its captions, as the decoder's own token
embeddings, into the 16 visual tokens: multiple-instance learning (Fang et al., From captions to visual concepts, CVPR 2015)
with log-sum-exp pooling over the tokens. It costs minutes, not hours, because the decoder is not run.
"""

from __future__ import annotations

import random
import re
import time
from collections import Counter
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from .classes import directions
from .model import VISUAL_TOKENS, Connector
from .splits import Photo

STOP = set("a an the of on in with and to is are at for that it its by from as his her their this there up some while be has "
           "being into over under out down off other one two three who which near next very has have or each".split())  # fmt: skip


def vocabulary(photos: list[Photo], tokenizer: Tokenizer, least: int = 8) -> dict[str, int]:
    """Frequent content words that are one token (with a leading space) → that token."""
    counts: Counter[str] = Counter()
    for p in photos:
        counts.update({w for c in p.captions for w in re.findall(r"[a-z]+", c.lower())})
    out = {}
    for word, n in counts.most_common():
        ids = tokenizer.encode(f" {word}").ids
        if n >= least and word not in STOP and len(word) > 2 and len(ids) == 1:
            out[word] = ids[0]
    return out


def targets(photos: list[Photo], words: dict[str, int]) -> np.ndarray:
    """[photos, words]: the share of a picture's captions that use the word, softened for single captions."""
    index = {w: i for i, w in enumerate(words)}
    out = np.zeros((len(photos), len(words)), np.float32)
    for row, p in enumerate(photos):
        for c in p.captions:
            for w in set(re.findall(r"[a-z]+", c.lower())) & index.keys():
                out[row, index[w]] += 1 / len(p.captions)
    return np.minimum(out * 1.5, 1.0)


def average_precision(score: np.ndarray, truth: np.ndarray) -> float:
    order = np.argsort(-score)
    hit = truth[order]
    return float((np.cumsum(hit) / np.arange(1, len(hit) + 1))[hit].mean()) if hit.any() else float("nan")


ALONE_SEEN = 0.15
"""share of the words of ``gist`` that only one caption has"""
SLOTS = 3
"""words that share one visual token of ``imagined``"""
CLASSES_SEEN = 3
"""classes of which a glimpse is a mixture"""


def spread(text: str, words: dict[str, int], rng: random.Random) -> np.ndarray:
    """[16, SLOTS] tokens of a caption's words as a detector might leave them in a picture's visual tokens; -1 is none.

    One word in four is missed, now and then another one is seen, and each is in several places.
    """
    found = [words[w] for w in dict.fromkeys(re.findall(r"[a-z]+", text.lower())) if w in words and rng.random() > 0.25]
    pool = list(words.values())
    found += rng.sample(pool, min(len(pool), rng.choice([0, 0, 1, 1, 2])))
    out = np.full((VISUAL_TOKENS, SLOTS), -1)
    for token in found:
        for place in rng.sample(range(VISUAL_TOKENS), rng.randint(2, 7)):
            free = np.flatnonzero(out[place] < 0)
            if len(free):
                out[place, free[0]] = token
    return out


def gist(captions: tuple[str, ...], rng: random.Random) -> str:
    """The words that several captions of one picture share, and a few that one person alone used: what can be seen in it, more or less."""
    counts = Counter(w for c in captions for w in set(re.findall(r"[a-z]+", c.lower())))
    return " ".join(w for w, n in counts.items() if n > 1 or rng.random() < ALONE_SEEN)


def glimpse(text: str, words: dict[str, int], rng: random.Random) -> np.ndarray:
    """[CLASSES_SEEN, 2]: numbers of words that the classifier might see in a picture with this caption, and how sure it is.

    It looks at one thing, seldom at two, is sometimes wrong, and often says a little of something that captions do not.
    """
    found = list(dict.fromkeys(w for word in re.findall(r"[a-z]+", text.lower()) if (w := singular(word, words)) is not None and rng.random() > 0.2))
    rng.shuffle(found)
    others = rng.sample(list(words), 2)
    left, out = 1.0, np.zeros((CLASSES_SEEN, 2), np.float32)
    for place, word in enumerate([*found[:2], *others][:CLASSES_SEEN]):
        share = left * (rng.uniform(0.2, 1.0) if word in found else rng.uniform(0.0, 0.4))
        out[place] = words[word], share
        left -= share
    return out


def singular(word: str, words: dict[str, int]) -> str | None:
    """The word, or what it is the plural of, where it is among ``words``."""
    return next((w for w in (word, word.removesuffix("s"), word.removesuffix("es")) if w in words), None)


def imagined(slots: torch.Tensor, embedding: torch.Tensor, connector: Connector, seen: torch.Tensor | None = None) -> torch.Tensor:
    """Visual tokens [n, 16, width] of a picture that nobody took: ``slots`` [n, 16, SLOTS] as word embeddings, with noise.

    ``seen`` [n, CLASSES_SEEN, 2]: what the classifier would see, by the number of a class and its probability.
    """
    e = directions(slots.clamp_min(0), embedding)
    share = torch.rand(slots.shape, device=slots.device) * 0.8 + 0.6
    mixed = (e * (share * (slots >= 0))[..., None]).sum(-2)
    mixed = mixed + torch.randn_like(mixed) * (0.9 / mixed.shape[-1] ** 0.5)
    mixed = F.layer_norm(mixed, mixed.shape[-1:])
    if connector.classes is not None and seen is not None:
        probabilities = torch.zeros(len(seen), len(connector.classes.words), device=seen.device)
        mixed = connector.classes.add(mixed, probabilities.scatter_add_(1, seen[..., 0].long(), seen[..., 1]))
    return mixed * connector.scale.detach() + connector.position.detach()


def warm_start(
    connector: Connector, embedding: torch.Tensor, tokenizer: Tokenizer, photos: list[Photo],
    look: Callable[[list[int], np.random.Generator | None], torch.Tensor], minutes: float, seed: int, batch: int = 64, rate: float = 1e-3,
    held: int = 200, rate_tail: float = 0.0,
) -> float:  # fmt: skip
    """Trains the connector in place and keeps the best epoch; returns the mean average precision on ``held`` training photos kept out.

    ``look``: what the connector takes for photographs (numbers in ``photos``), augmented where a generator is given.
    The encoder's later layers, where the connector has them, are trained at ``rate_tail``, or left as they are where that is 0.
    """
    rng = np.random.default_rng(seed)
    words = vocabulary(photos, tokenizer)
    goal = targets(photos, words)
    device = connector.scale.device
    e = directions(torch.tensor(list(words.values())), embedding).to(device)
    prior = torch.from_numpy(goal.mean(0)).clamp(1e-4, 0.9)
    bias = torch.nn.Parameter((torch.logit(prior) - 1.0).to(device))
    gain = torch.nn.Parameter(torch.tensor(1.0, device=device))
    order = rng.permutation(len(photos))
    test, train = order[:held], order[held:]
    tail = connector.tail or torch.nn.Identity()
    own = [p for name, p in connector.named_parameters() if not name.startswith("tail.")]
    groups = [{"params": [*own, bias, gain], "rate": rate}, {"params": list(tail.parameters()), "rate": rate_tail}]
    tail.requires_grad_(rate_tail > 0)
    opt = torch.optim.AdamW(groups, rate, weight_decay=0.05, betas=(0.9, 0.98))

    def scores(part: np.ndarray, augment: np.random.Generator | None) -> torch.Tensor:
        u = (connector(look(part.tolist(), augment)) - connector.position) / connector.scale
        return (gain * (u @ e.T)).logsumexp(1) - np.log(16) + bias

    def check() -> float:
        connector.eval()
        with torch.inference_mode():
            s = torch.cat([scores(part, None) for part in np.array_split(test, 4)]).cpu().numpy()
        connector.train()
        truth = goal[test] > 0
        return float(np.nanmean([average_precision(s[:, j], truth[:, j]) for j in range(len(words)) if truth[:, j].sum() >= 2]))

    connector.train()
    start, epoch, best, kept = time.monotonic(), 0, 0.0, connector.state_dict()
    while (elapsed := (time.monotonic() - start) / 60) < minutes:
        rng.shuffle(train)
        losses = []
        for k in range(0, len(train) - batch + 1, batch):
            elapsed = (time.monotonic() - start) / 60
            for g in opt.param_groups:
                g["lr"] = g["rate"] * max(0.02, 1 - elapsed / minutes) * min(1, (epoch * len(train) + k + batch) / 2000)
            part = train[k : k + batch]
            s = scores(part, rng)
            loss = F.binary_cross_entropy_with_logits(s, torch.from_numpy(goal[part]).to(device), reduction="sum") / len(part)
            opt.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(connector.parameters(), 1.0)
            opt.step()
            losses.append(loss.item())
        epoch += 1
        now = check()
        if now > best:
            best, kept = now, {k: v.clone() for k, v in connector.state_dict().items()}
        print(f"words: epoch {epoch} loss {np.mean(losses):.2f} mAP {now:.4f} ({len(words)} words) {elapsed * 60:.0f} s", flush=True)
    connector.load_state_dict(kept)
    tail.requires_grad_(True)
    return best
