"""Warm start of the connector: visual words.

Before the decoder sees a picture, the connector learns to put the words of its captions, as the decoder's own token
embeddings, into the 16 visual tokens: multiple-instance learning (Fang et al., From captions to visual concepts, CVPR 2015)
with log-sum-exp pooling over the tokens. It costs minutes, not hours, because the decoder is not run.
"""

from __future__ import annotations

import re
import time
from collections import Counter

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer

from .model import Connector
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


def warm_start(
    connector: Connector, embedding: torch.Tensor, tokenizer: Tokenizer, photos: list[Photo], features: np.memmap,
    variants: int, minutes: float, seed: int, batch: int = 64, rate: float = 1e-3, held: int = 200,
) -> float:  # fmt: skip
    """Trains the connector in place and keeps the best epoch; returns the mean average precision on ``held`` training photos kept out."""
    rng = np.random.default_rng(seed)
    words = vocabulary(photos, tokenizer)
    goal = targets(photos, words)
    e = embedding[list(words.values())].float()
    e = F.normalize(e - embedding.float().mean(0), dim=-1)
    prior = torch.from_numpy(goal.mean(0)).clamp(1e-4, 0.9)
    bias = torch.nn.Parameter(torch.logit(prior) - 1.0)
    gain = torch.nn.Parameter(torch.tensor(1.0))
    order = rng.permutation(len(photos))
    test, train = order[:held], order[held:]
    opt = torch.optim.AdamW([*connector.parameters(), bias, gain], rate, weight_decay=0.05, betas=(0.9, 0.98))

    def scores(rows: list[int], variant: np.ndarray) -> torch.Tensor:
        f = torch.from_numpy(np.stack([features[v, r] for v, r in zip(variant, rows, strict=True)])).float()
        u = (connector(f) - connector.position) / connector.scale
        return (gain * (u @ e.T)).logsumexp(1) - np.log(16) + bias

    def check() -> float:
        connector.eval()
        with torch.inference_mode():
            s = torch.cat([scores([photos[i].row for i in part], np.zeros(len(part), int)) for part in np.array_split(test, 4)]).numpy()
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
                g["lr"] = rate * max(0.02, 1 - elapsed / minutes) * min(1, (epoch * len(train) + k + batch) / 2000)
            part = train[k : k + batch]
            s = scores([photos[i].row for i in part], rng.integers(0, variants, len(part)))
            loss = F.binary_cross_entropy_with_logits(s, torch.from_numpy(goal[part]), reduction="sum") / len(part)
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
    return best
