"""The last layers of the vision encoder, trained with the connector; the layers before them stay as they are and are cached.

A run names the first trained layer (``encoder_from``, a name of ``vision.load_convs``); the caches hold what enters it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import onnx
import torch
from onnx import numpy_helper
from torch import nn

from .base import half
from .vision import CHANNELS, Conv, forward_rounded, load_convs


def index_of(convs: list[Conv], layer: str) -> int:
    """Where ``layer`` is. A layer inside a block would need two inputs: only the first of a block, or ``head``, will do."""
    names = [c.name for c in convs]
    if layer not in names:
        raise ValueError(f"the encoder has no layer {layer!r}: {', '.join(names)}")
    at = names.index(layer)
    if any(c.residual is not None and c.residual < at for c in convs[at:]):
        raise ValueError(f"{layer} is inside a block with a residual connection: name the block's first layer")
    return at


class Tail(nn.Module):
    """What enters the first trained layer, [n, cells, channels] row major → feature map [n, 64, 1280]. Batch norm stays folded in."""

    def __init__(self, convs: list[Conv], layer: str) -> None:
        super().__init__()
        at = index_of(convs, layer)
        self.layer = layer
        self.shapes = [replace(c, residual=None if c.residual is None else c.residual - at) for c in convs[at:]]
        self.channels = self.shapes[0].weight.shape[1] * self.shapes[0].groups
        self.weights = nn.ParameterList(c.weight.detach().clone().float() for c in self.shapes)
        self.biases = nn.ParameterList(c.bias.detach().clone().float() for c in self.shapes)

    def convs(self, dtype: torch.dtype = torch.float32) -> list[Conv]:
        return [
            replace(c, weight=w.to(dtype), bias=b.to(dtype)) for c, w, b in zip(self.shapes, self.weights, self.biases, strict=True)
        ]

    @torch.no_grad()
    def read(self, encoder: Path) -> None:
        """The same layers of an exported encoder, so that a run can go on from shipped weights."""
        stored = {i.name: numpy_helper.to_array(i) for i in onnx.load(encoder).graph.initializer}
        for conv, weight, bias in zip(self.shapes, self.weights, self.biases, strict=True):
            half = stored.get(f"{conv.name}.weight.f16")
            kernel = half if half is not None else stored[f"{conv.name}.weight"]
            weight.copy_(torch.tensor(kernel))
            bias.copy_(torch.tensor(stored[f"{conv.name}.bias"]))

    def forward(self, f: torch.Tensor) -> torch.Tensor:
        n, cells, c = f.shape
        side = round(cells**0.5)
        dtype = half() if self.training else torch.float32
        x = f.to(dtype).view(n, side, side, c).permute(0, 3, 1, 2)
        return forward_rounded(self.convs(dtype), x).permute(0, 2, 3, 1).reshape(n, -1, CHANNELS).float()


def open_tail(layer: str) -> Tail | None:
    """The pretrained tail, or none where nothing of the encoder is trained."""
    return Tail(load_convs(), layer) if layer else None


def frozen(layer: str) -> list[Conv]:
    """The layers before the first trained one."""
    convs = load_convs()
    return [replace(c, weight=c.weight.detach(), bias=c.bias.detach()) for c in convs[: index_of(convs, layer) if layer else len(convs)]]


def tuned(tail: Tail) -> list[Conv]:
    """The whole encoder with the trained layers in place."""
    convs = load_convs()
    own = tail.convs()
    at = len(convs) - len(own)
    return [*convs[:at], *(replace(c, weight=o.weight.detach().cpu(), bias=o.bias.detach().cpu()) for c, o in zip(convs[at:], own, strict=True))]
