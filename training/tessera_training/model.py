"""SmolLM2 with merged LoRA and the connector, on flat tokens.

Layout inside: the rows of q and k are permuted so that a rotary pair is (i, i + 32) instead of (2i, 2i + 1): contiguous
loads; scores do not change. Checkpoints and exports hold GGUF's row order.

LoRA is merged once a step (``W + 2·(a·b)ᵀ``), the backward pass yields only the low-rank gradients: one matrix product
forward and one backward per projection group, as if nothing were adapted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from .base import Shape, Weights, half
from .classes import Classes
from .plan import Group, Laid, Plan

RANK = 16
SCALE = 2.0
VISUAL_TOKENS = 16

GROUPS = {
    "qkv": ("attn_q", "attn_k", "attn_v"),
    "output": ("attn_output",),
    "gate_up": ("ffn_gate", "ffn_up"),
    "down": ("ffn_down",),
}


def half_split(rows: int, head: int) -> torch.Tensor:
    """Permutation of q or k rows: interleaved pairs → pairs (i, i + head/2)."""
    one = torch.cat([torch.arange(0, head, 2), torch.arange(1, head, 2)])
    return (torch.arange(0, rows, head)[:, None] + one[None]).reshape(-1)


class Lora(nn.Module):
    """The trained low-rank factors, in float32: ``a`` [inputs, rank], ``b`` [rank, outputs] per projection."""

    def __init__(self, shape: Shape, rank: int = RANK) -> None:
        super().__init__()
        self.shape, self.rank = shape, rank
        self.a, self.b = nn.ParameterDict(), nn.ParameterDict()
        for i in range(shape.layers):
            for name, (inputs, outputs) in shape.projections().items():
                self.a[f"{i}:{name}"] = nn.Parameter(torch.randn(inputs, rank) / math.sqrt(inputs))
                self.b[f"{i}:{name}"] = nn.Parameter(torch.zeros(rank, outputs))


class Merged(torch.autograd.Function):
    """``x @ weightᵀ`` where weight already holds the adapter; gradients go to x and to the low-rank factors."""

    @staticmethod
    def forward(ctx, x, weight, widths, *factors):
        ctx.save_for_backward(x, weight, *factors)
        ctx.widths = widths
        return x @ weight.T

    @staticmethod
    def backward(ctx, dy):
        x, weight, *factors = ctx.saved_tensors
        n = len(factors) // 2
        dx = dy @ weight if ctx.needs_input_grad[0] else None
        grads = []
        if n and ctx.needs_input_grad[3]:
            a = torch.cat([f.to(x.dtype) for f in factors[:n]], 1)
            xa = (x @ a).split(factors[0].shape[1], 1)
            parts = dy.split(ctx.widths, 1)
            u = torch.cat([p @ b.to(x.dtype).T for p, b in zip(parts, factors[n:], strict=True)], 1)
            da = (x.T @ u).float() * SCALE
            grads = list(da.split(factors[0].shape[1], 1)) + [
                (v.T @ p).float() * SCALE for v, p in zip(xa, parts, strict=True)
            ]
        else:
            grads = [None] * (2 * n)
        return dx, None, None, *grads


class Gather(torch.autograd.Function):
    """``x[index]`` for an index in which every row occurs at most once among the valid ones; the backward is a gather too."""

    @staticmethod
    def forward(ctx, x, index, back):
        ctx.save_for_backward(back)
        return x.index_select(0, index)

    @staticmethod
    def backward(ctx, dy):
        (back,) = ctx.saved_tensors
        dx = dy.index_select(0, back.clamp_min(0))
        absent = back < 0
        # on a GPU the question alone would wait for all that runs
        if dy.is_cuda or absent.any():
            dx = dx.masked_fill(absent[:, None], 0)
        return dx, None, None


def rms(x: torch.Tensor, weight: torch.Tensor, eps: float) -> torch.Tensor:
    if x.is_cuda:
        return F.rms_norm(x.float(), weight.shape, weight, eps).to(x.dtype)
    y = x.float()
    return (y * torch.rsqrt(y.pow(2).mean(-1, keepdim=True) + eps) * weight).to(x.dtype)


def swiglu(gate_up: torch.Tensor) -> torch.Tensor:
    gate, up = gate_up.chunk(2, -1)
    return F.silu(gate) * up


def rotate(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor, heads: int) -> torch.Tensor:
    """[B, T, heads·d] → rotated [B, heads, T, d]; cos and sin are [B, 1, T, d/2]."""
    x = x.unflatten(-1, (heads, -1)).transpose(1, 2)
    x1, x2 = x.chunk(2, -1)
    return torch.cat([x1 * cos - x2 * sin, x1 * sin + x2 * cos], -1)


def rotate_back(y: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    """The inverse of ``rotate``, which is its transpose: [B, heads, T, d] → [B, T, heads·d]."""
    y1, y2 = y.transpose(1, 2).unflatten(-1, (2, -1)).unbind(-2)
    cos, sin = cos.transpose(1, 2), sin.transpose(1, 2)
    return torch.stack([y1 * cos + y2 * sin, y2 * cos - y1 * sin], -2).flatten(-3)


class Rotate(torch.autograd.Function):
    """``rotate`` with its transpose for a backward pass: what autograd derives gathers single elements (a tenth of a step)."""

    @staticmethod
    def forward(ctx, x, cos, sin, heads, fused):
        ctx.save_for_backward(cos, sin)
        ctx.back = fused["rotate_back"]
        return fused["rotate"](x, cos, sin, heads)

    @staticmethod
    def backward(ctx, dy):
        return ctx.back(dy, *ctx.saved_tensors), None, None, None, None


def hide(visible: torch.Tensor, dtype: torch.dtype) -> torch.Tensor:
    """What to add to scores so that only visible keys count."""
    return torch.where(visible, 0.0, -1e30).to(dtype)


class Connector(nn.Module):
    """Feature map [n, 64, 1280] (row major 8×8) → 16 visual tokens [n, 16, 576] by pixel shuffle and a two-layer MLP."""

    def __init__(
        self, width: int = 576, channels: int = 1280, hidden: int = 1152, dropout: float = 0.0, tail: nn.Module | None = None,
        classes: Classes | None = None,
    ) -> None:  # fmt: skip
        super().__init__()
        self.width, self.dropout = width, dropout
        self.tail = tail
        """layers of the encoder that are trained too; then ``f`` is what enters them"""
        self.norm = nn.LayerNorm(channels * 4)
        self.fc1 = nn.Linear(channels * 4, hidden)
        self.fc2 = nn.Linear(hidden, width)
        self.scale = nn.Parameter(torch.tensor(0.1))
        self.position = nn.Parameter(torch.zeros(VISUAL_TOKENS, width))
        self.classes = classes
        """what the encoder's own classifier sees, as words"""

    def shuffle(self, f: torch.Tensor) -> torch.Tensor:
        n, _, c = f.shape
        return f.view(n, 4, 2, 4, 2, c).permute(0, 1, 3, 2, 4, 5).reshape(n, VISUAL_TOKENS, 4 * c)

    def forward(self, f: torch.Tensor, probabilities: torch.Tensor | None = None) -> torch.Tensor:
        """``probabilities`` of the classes, where they are known already."""
        if self.classes is not None and probabilities is None:
            probabilities = self.classes(f)
        y = self.norm(self.shuffle(f if self.tail is None else self.tail(f)))
        with torch.autocast(f.device.type, torch.bfloat16, enabled=f.shape[0] > 1 and self.training and half() == torch.bfloat16):
            y = F.gelu(self.fc1(F.dropout(y, self.dropout, self.training)))
            y = self.fc2(F.dropout(y, self.dropout, self.training))
        tokens = F.layer_norm(y.float(), (self.width,))
        if self.classes is not None:
            tokens = self.classes.add(tokens, probabilities)
        return tokens * self.scale + self.position


@dataclass
class Layer:
    attn_norm: torch.Tensor
    ffn_norm: torch.Tensor
    frozen: dict[str, torch.Tensor]
    merged: dict[str, torch.Tensor]


class Decoder(nn.Module):
    """The base in ``dtype`` (frozen) plus ``lora`` (float32, trained)."""

    def __init__(self, shape: Shape, base: Weights, dtype: torch.dtype, rank: int = RANK, device: str = "cpu") -> None:
        super().__init__()
        self.shape, self.dtype, self.device = shape, dtype, torch.device(device)
        self.lora = Lora(shape, rank).to(device)
        self.adapted = True
        self.fused_attention = self.device.type == "cuda"
        base = {name: w.to(device) for name, w in base.items()}
        self.embedding = base["token_embd.weight"].to(dtype)
        self.head = base.get("output.weight", base["token_embd.weight"]).to(dtype)
        self.output_norm = base["output_norm.weight"].float()
        self.layers: list[Layer] = []
        self.order = {
            "attn_q": half_split(shape.width, shape.head).to(device),
            "attn_k": half_split(shape.kv_width, shape.head).to(device),
        }
        for i in range(shape.layers):
            frozen = {}
            for group, names in GROUPS.items():
                parts = []
                for name in names:
                    w = base[f"blk.{i}.{name}.weight"]
                    parts.append(w[self.order[name]] if name in self.order else w)
                frozen[group] = torch.cat(parts).to(dtype).contiguous()
            self.layers.append(
                Layer(
                    base[f"blk.{i}.attn_norm.weight"].float(), base[f"blk.{i}.ffn_norm.weight"].float(),
                    frozen, {k: torch.empty_like(v) for k, v in frozen.items()},
                )
            )  # fmt: skip
        self.inverse_frequency = shape.theta ** (-torch.arange(0, shape.head, 2, dtype=torch.float32, device=device) / shape.head)
        self.fused = {"rms": rms, "swiglu": swiglu, "rotate": rotate, "rotate_back": rotate_back}
        self.merge()

    def compile(self) -> None:
        """Fuse the element-wise parts (needs a C++ compiler; worth about a third of a step; softmax is torch's own, whose loops beat the fused ones tenfold)."""
        self.fused = {k: torch.compile(f, dynamic=True) for k, f in self.fused.items()}

    @torch.no_grad()
    def merge(self) -> None:
        """Write ``W + 2·(a·b)ᵀ`` of the current adapter into the working weights; call after every optimizer step."""
        for i, layer in enumerate(self.layers):
            for group, names in GROUPS.items():
                row = 0
                for name in names:
                    a, b = self.lora.a[f"{i}:{name}"], self.lora.b[f"{i}:{name}"]
                    end = row + b.shape[1]
                    b = b.to(self.dtype)
                    if name in self.order:
                        b = b[:, self.order[name]]
                    torch.addmm(
                        layer.frozen[group][row:end], b.T, a.to(self.dtype).T, alpha=SCALE, out=layer.merged[group][row:end]
                    )
                    row = end

    def project(self, x: torch.Tensor, i: int, group: str) -> torch.Tensor:
        layer = self.layers[i]
        if not self.adapted:
            return Merged.apply(x, layer.frozen[group], None)
        names = GROUPS[group]
        b = [self.lora.b[f"{i}:{n}"] for n in names]
        ordered = [t[:, self.order[n]] if n in self.order else t for n, t in zip(names, b, strict=True)]
        return Merged.apply(
            x, layer.merged[group], [t.shape[1] for t in b], *[self.lora.a[f"{i}:{n}"] for n in names], *ordered
        )

    def phase(self, positions: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Positions [B, T] → cos and sin [B, 1, T, head/2]."""
        angle = positions[:, None, :, None].float() * self.inverse_frequency
        return angle.cos().to(self.dtype), angle.sin().to(self.dtype)

    def split(self, qkv: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        s = self.shape
        return qkv.split([s.width, s.kv_width, s.kv_width], -1)

    def attend(self, qkv: torch.Tensor, g: Group, phase: tuple, hidden: torch.Tensor) -> torch.Tensor:
        """Attention of one group over flat [tokens, q|k|v]; ``hidden`` [B, 1, 1, Tq, Tk] is -1e30 where nothing is seen. Padded [B·Tq, width]."""
        s = self.shape
        cq, sq, ck, sk = phase
        batch = g.query_positions.shape[0]
        if g.same:
            q, k, v = self.split(Gather.apply(qkv, g.key_index, g.key_inverse).view(batch, -1, qkv.shape[1]))
        else:
            flat_q, flat_kv = qkv.split([s.width, 2 * s.kv_width], 1)
            q = Gather.apply(flat_q, g.query_index, g.query_inverse).view(batch, -1, s.width)
            k, v = Gather.apply(flat_kv, g.key_index, g.key_inverse).view(batch, -1, 2 * s.kv_width).chunk(2, -1)
        q = Rotate.apply(q, cq, sq, s.heads, self.fused)
        k = Rotate.apply(k, ck, sk, s.kv_heads, self.fused)
        v = v.unflatten(-1, (s.kv_heads, -1)).transpose(1, 2)
        # three query heads share a key head: queries of a group as one long row
        repeat, tq = s.heads // s.kv_heads, q.shape[2]
        q = q.reshape(batch, s.kv_heads, repeat * tq, s.head)
        if self.fused_attention:
            p = F.scaled_dot_product_attention(q, k, v, hidden[:, :, 0].repeat(1, 1, repeat, 1))
            return p.view(batch, s.heads, tq, s.head).transpose(1, 2).reshape(-1, s.width)
        # on a CPU plain products beat the fused kernel
        q = q * s.head**-0.5
        scores = (q @ k.transpose(2, 3)).unflatten(2, (repeat, tq))
        p = (scores + hidden).softmax(-1).flatten(2, 3)
        return (p @ v).view(batch, s.heads, tq, s.head).transpose(1, 2).reshape(-1, s.width)

    def forward(self, x: torch.Tensor, plan: Plan, observe=None) -> torch.Tensor:
        """Embedded flat tokens [tokens, width] → hidden states after the last norm.

        ``observe(layer, qkv)`` sees each layer's queries and keys without phase.
        """
        s = self.shape
        phases = []
        for g in plan.groups:
            ck, sk = self.phase(g.key_positions)
            cq, sq = (ck, sk) if g.same else self.phase(g.query_positions)
            phases.append((cq, sq, ck, sk))
        hidden = [hide(g.visible, self.dtype)[:, None, None] for g in plan.groups]
        norm, act = self.fused["rms"], self.fused["swiglu"]
        for i, layer in enumerate(self.layers):
            qkv = self.project(norm(x, layer.attn_norm, s.eps), i, "qkv")
            if observe is not None:
                observe(i, qkv)
            outs = [self.attend(qkv, g, p, m) for g, p, m in zip(plan.groups, phases, hidden, strict=True)]
            o = Gather.apply(torch.cat(outs) if len(outs) > 1 else outs[0], plan.output_index, plan.output_inverse)
            x = x + self.project(o, i, "output")
            gate_up = self.project(norm(x, layer.ffn_norm, s.eps), i, "gate_up")
            x = x + self.project(act(gate_up), i, "down")
        return norm(x, self.output_norm, s.eps)

    def embed(self, laid: Laid, visual: torch.Tensor | None) -> torch.Tensor:
        """Token embeddings with visual tokens [images·16, width] put where ids are negative."""
        at = np.flatnonzero(laid.ids < 0)
        x = self.embedding[torch.from_numpy(laid.ids.clip(0)).to(self.device)]
        if visual is not None and len(at):
            rows = visual.reshape(-1, visual.shape[-1]).to(self.dtype)[torch.from_numpy(-1 - laid.ids[at]).to(self.device)]
            x = x.index_put((torch.from_numpy(at).to(self.device),), rows)
        return x


class HeadLoss(torch.autograd.Function):
    """Label-smoothed, weighted cross entropy of hidden states against a (subset of the) vocabulary, in chunks.

    The gradient is made together with the loss, so that logits never exist all at once.
    """

    @staticmethod
    def forward(ctx, h, head, target, weight, smoothing):
        total = torch.zeros((), device=h.device)
        dh = torch.empty_like(h)
        rows = 4096 if h.is_cuda else 256
        for start in range(0, len(h), rows):
            part = slice(start, start + rows)
            logits = (h[part] @ head.T).float()
            t, w = target[part], weight[part]
            log_z = logits.logsumexp(-1)
            right = logits.gather(1, t[:, None])[:, 0]
            nll = log_z - right
            if smoothing:
                nll = (1 - smoothing) * nll + smoothing * (log_z - logits.mean(-1))
            total = total + (nll * w).sum()
            p = logits.sub_(log_z[:, None]).exp_()
            if smoothing:
                p.sub_(smoothing / p.shape[1])
            p[torch.arange(len(t), device=h.device), t] -= 1 - smoothing
            dh[part] = (p.mul_(w[:, None])).to(h.dtype) @ head
        ctx.save_for_backward(dh)
        return total

    @staticmethod
    def backward(ctx, dy):
        (dh,) = ctx.saved_tensors
        return dh * dy.to(dh.dtype), None, None, None, None
