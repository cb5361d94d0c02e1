"""Batched generation with a key-value cache, greedy or sampled."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from .base import END
from .model import Decoder, rms, rotate, swiglu
from .plan import Sequence, lay


@dataclass
class Cache:
    """Rotated keys and values per layer, [B, kv_heads, T, head]."""

    keys: list[torch.Tensor]
    values: list[torch.Tensor]

    def repeat(self, times: int) -> Cache:
        return Cache([k.repeat_interleave(times, 0) for k in self.keys], [v.repeat_interleave(times, 0) for v in self.values])

    def rows(self, index: torch.Tensor) -> Cache:
        return Cache([k[index] for k in self.keys], [v[index] for v in self.values])


def step(
    model: Decoder, x: torch.Tensor, start: int, cache: Cache | None, pad: torch.Tensor | None, before: int = 0
) -> tuple[torch.Tensor, Cache]:  # fmt: skip
    """Embeddings [B, T, width] at cache positions ``start…``; ``pad`` [B] counts padding after the first ``before``. Returns last hidden [B, width]."""
    s = model.shape
    batch, t, _ = x.shape
    device = x.device
    positions = torch.arange(start, start + t, device=device)[None].expand(batch, -1)
    if pad is not None:
        positions = (positions - pad[:, None]).clamp_min(0)
    cos, sin = model.phase(positions)
    total = start + t
    visible = torch.ones(t, total, dtype=torch.bool, device=device).tril(start)[None]
    if pad is not None:
        column = torch.arange(total, device=device)[None, None]
        visible = visible & ((column < before) | (column >= before + pad[:, None, None]))
        visible = visible | torch.eye(t, total, dtype=torch.bool, device=device).roll(start, 1)[None]
    bias = torch.where(visible, 0.0, -1e30)[:, None]
    keys, values = [], []
    repeat = s.heads // s.kv_heads
    for i, layer in enumerate(model.layers):
        w = layer.merged if model.adapted else layer.frozen
        qkv = rms(x, layer.attn_norm, s.eps) @ w["qkv"].T
        q, k, v = model.split(qkv)
        q = rotate(q, cos, sin, s.heads) * s.head**-0.5
        k = rotate(k, cos, sin, s.kv_heads)
        v = v.unflatten(-1, (s.kv_heads, -1)).transpose(1, 2)
        if cache is not None:
            k, v = torch.cat([cache.keys[i], k], 2), torch.cat([cache.values[i], v], 2)
        keys.append(k)
        values.append(v)
        scores = (q.reshape(batch, s.kv_heads, repeat * t, s.head) @ k.transpose(2, 3)).view(batch, s.heads, t, total)
        p = (scores.float() + bias).softmax(-1).to(x.dtype).view(batch, s.kv_heads, repeat * t, total)
        o = (p @ v).view(batch, s.heads, t, s.head).transpose(1, 2).reshape(batch, t, s.width)
        x = x + o @ w["output"].T
        x = x + swiglu(rms(x, layer.ffn_norm, s.eps) @ w["gate_up"].T) @ w["down"].T
    return rms(x[:, -1], model.output_norm, s.eps), Cache(keys, values)


@torch.inference_mode()
def generate(
    model: Decoder, prompt: torch.Tensor, limit: int, samples: int = 1, temperature: float = 0.0,
    pad: torch.Tensor | None = None, generator: torch.Generator | None = None, context: Cache | None = None,
) -> list[list[int]]:  # fmt: skip
    """Answers (without the stop token unless the limit came first) for prompts [B, T, width]; B·samples lists, samples adjacent.

    ``context`` [1, …] is what all prompts stand after.
    """
    before = context.keys[0].shape[2] if context else 0
    h, cache = step(model, prompt, before, context.repeat(len(prompt)) if context else None, pad, before)
    if samples > 1:
        h, cache = h.repeat_interleave(samples, 0), cache.repeat(samples)
        pad = pad.repeat_interleave(samples, 0) if pad is not None else None
    rows = list(range(len(h)))
    out: list[list[int]] = [[] for _ in rows]
    ended: set[int] = set()
    length = before + prompt.shape[1]
    for n in range(limit):
        logits = (h @ model.head.T).float()
        if temperature > 0:
            ids = torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator)[:, 0]
        else:
            ids = logits.argmax(-1)
        drawn = ids.tolist()
        alive = [j for j, i in enumerate(drawn) if i != END and rows[j] not in ended]
        ended.update(rows[j] for j, i in enumerate(drawn) if i == END)
        for j in alive:
            out[rows[j]].append(drawn[j])
        if not alive or n == limit - 1:
            break
        if len(alive) < (len(rows) / 2 if h.is_cuda else len(rows)):
            # rows that ended leave the batch; a GPU takes them along until they are half of it
            keep = torch.tensor(alive, device=h.device)
            cache, ids = cache.rows(keep), ids[keep]
            pad = pad[keep] if pad is not None else None
            rows = [rows[j] for j in alive]
        h, cache = step(model, model.embedding[ids][:, None], length + n, cache, pad, before)
    return out


@torch.inference_mode()
def read(model: Decoder, sequence: Sequence, visual: torch.Tensor | None) -> Cache:
    """What the branches of a timeline see, at contiguous positions: its prefix and the kept parts of segments that were read alone."""
    s = model.shape
    laid = lay([Sequence(sequence.prefix, sequence.segments, [], sequence.images)])
    starts = np.cumsum([len(sequence.prefix), *map(len, sequence.segments)])
    kept = sequence.keep if sequence.keep is not None else [(i, 0, len(g)) for i, g in enumerate(sequence.segments)]
    rows = torch.from_numpy(np.concatenate([np.arange(len(sequence.prefix)), *[starts[i] + np.arange(a, b) for i, a, b in kept]]))
    cos, sin = model.phase(torch.arange(len(rows))[None])
    cache = Cache([], [])

    def observe(_: int, qkv: torch.Tensor) -> None:
        _, k, v = model.split(qkv[rows][None])
        cache.keys.append(rotate(k, cos, sin, s.kv_heads))
        cache.values.append(v.unflatten(-1, (s.kv_heads, -1)).transpose(1, 2))

    model(model.embed(laid, visual), laid.plan, observe)
    return cache


def embed_prompts(model: Decoder, prompts: list[list[int]], visual: torch.Tensor | None = None) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Left-padded embeddings of prompts; ids -1-k are visual token k of that prompt's own picture [B, 16 or 80, width]."""
    longest = max(map(len, prompts))
    pad = torch.tensor([longest - len(p) for p in prompts], device=model.device)
    ids = torch.tensor([[0] * (longest - len(p)) + p for p in prompts], device=model.device)
    x = model.embedding[ids.clamp_min(0)]
    if visual is not None:
        b, t = (ids < 0).nonzero(as_tuple=True)
        x[b, t] = visual[b, -1 - ids[b, t]].to(x.dtype)
    return x, pad if pad.any() else None
