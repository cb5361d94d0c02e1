"""Pictures as pixels on the device: fresh crops for every step, where a GPU runs the encoder too.

A CPU caches features of a few fixed crops (``features``); a GPU keeps every picture as [384, 384, 3] bytes and cuts each view anew.
A view of block 0 is the whole crop; blocks 1 to 4 are its quarters, row by row, as ``detail: high`` shows them.
"""

from __future__ import annotations

import random
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from .vision import SIDE, Conv, forward_rounded

KEPT = 384
AT_ONCE = 64
"""views that are cut together: their pixels are held as float32"""
WHOLE = (0.0, 0.0, 1.0, 1.0)


@dataclass(frozen=True)
class View:
    """One block of a picture: ``box`` is the crop as fractions (x0, y0, x1, y1), before mirroring."""

    collection: str
    row: int
    box: tuple[float, float, float, float] = WHOLE
    flip: bool = False
    block: int = 0
    light: tuple[float, float] = (1.0, 0.0)
    """factor and shift of the normalised pixels"""


def crop(rng: random.Random, smallest: float) -> tuple[float, float, float, float]:
    """The whole picture one time in four, else a crop of at least ``smallest`` of each side."""
    if rng.random() < 0.25:
        return WHOLE
    w, h = rng.uniform(smallest, 1), rng.uniform(smallest, 1)
    x, y = rng.uniform(0, 1 - w), rng.uniform(0, 1 - h)
    return (x, y, x + w, y + h)


def views(rng: random.Random, collection: str, row: int, blocks: int, smallest: float) -> list[View]:
    """The blocks of one randomly cropped, mirrored and lit picture."""
    box, flip = crop(rng, smallest), rng.random() < 0.5
    light = (rng.uniform(0.85, 1.15), rng.uniform(-0.1, 0.1))
    return [View(collection, row, box, flip, b, light) for b in range(blocks)]


def quarter(box: tuple[float, float, float, float], block: int, flip: bool) -> tuple[float, float, float, float]:
    """The part of ``box`` that a block shows; the quarters of a mirrored picture are taken from the other side."""
    if block == 0:
        return box
    x0, y0, x1, y1 = box
    right, low = (block - 1) % 2 != int(flip), block > 2
    x, y = (x0 + x1) / 2, (y0 + y1) / 2
    return (x if right else x0, y if low else y0, x1 if right else x, y1 if low else y)


def read(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB").resize((KEPT, KEPT), Image.Resampling.BICUBIC))


def resampling(start: torch.Tensor, end: torch.Tensor) -> torch.Tensor:
    """Fractions of a side, [n] each → [n, 256, 384]: what each place of a resized crop takes from each place of the kept picture.

    Bicubic (a = -0.5), widened where the crop is made smaller, nothing from beyond the crop: what the Pillow library's ``crop`` and
    ``resize`` do. As matrices, so that all views of a step are cut by two products.
    """
    first, last = (start * KEPT).round()[:, None, None], (end * KEPT).round()[:, None, None]
    ratio = (last - first) / SIDE
    place = torch.arange(SIDE, device=start.device)[None, :, None]
    source = torch.arange(KEPT, device=start.device)[None, None]
    x = ((source + 0.5 - first) - (place + 0.5) * ratio).abs() / ratio.clamp_min(1)
    near, far = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
    weight = torch.where(x < 1, near, torch.where(x < 2, far, 0.0)) * ((source >= first) & (source < last))
    return weight / weight.sum(-1, keepdim=True)


class Pictures:
    """Every picture of some collections; ``to`` moves them to a device."""

    def __init__(self, files: dict[str, list[Path]], processes: int) -> None:
        self.device = torch.device("cpu")
        self.bytes: dict[str, torch.Tensor] = {}
        self.front: list[Conv] = []
        """layers of the encoder that are not trained: they are part of what ``cut`` returns"""
        with ProcessPoolExecutor(processes, get_context("fork")) as pool:
            for name, paths in files.items():
                self.bytes[name] = torch.from_numpy(np.stack(list(pool.map(read, paths, chunksize=32))))

    def to(self, device: str, front: list[Conv]) -> None:
        self.device = torch.device(device)
        self.bytes = {name: b.to(device) for name, b in self.bytes.items()}
        dtype = torch.bfloat16 if self.device.type == "cuda" else torch.float32
        self.front = [replace(c, weight=c.weight.to(device, dtype), bias=c.bias.to(device, dtype)) for c in front]

    def cut(self, asked: list[View]) -> torch.Tensor:
        """What the trained part of the connector takes, [views, cells, channels]: normalised pixels, or what the frozen layers make of them."""
        boxes = torch.tensor([quarter(v.box, v.block, v.flip) for v in asked], device=self.device)
        source = torch.stack([self.bytes[v.collection][v.row] for v in asked]).permute(0, 3, 1, 2)
        across, down = resampling(boxes[:, 0], boxes[:, 2]), resampling(boxes[:, 1], boxes[:, 3])
        out = torch.empty(len(asked), 3, SIDE, SIDE, device=self.device)
        for a in range(0, len(asked), AT_ONCE):
            part = slice(a, a + AT_ONCE)
            out[part] = down[part, None] @ (source[part].float() @ across[part, None].mT)
        # the rest for all at once: on a GPU every small operation costs as much as a large one
        gain, shift, flip = torch.tensor([(v.light[0] / 128.0, v.light[1], v.flip) for v in asked], device=self.device)[..., None, None, None].unbind(1)
        out = out.clamp_(0, 255).sub_(127.0).mul_(gain).add_(shift)
        out = torch.where(flip > 0, out.flip(3), out).permute(0, 2, 3, 1)
        if not self.front:
            return out.flatten(1, 2)
        with torch.no_grad():
            return forward_rounded(self.front, out.permute(0, 3, 1, 2).to(self.front[0].weight.dtype)).permute(0, 2, 3, 1).flatten(1, 2)

    def plain(self, collection: str, rows: list[int], blocks: int) -> torch.Tensor:
        """``cut`` of unchanged pictures, [rows · blocks, cells, channels]."""
        return self.cut([View(collection, r, block=b) for r in rows for b in range(blocks)])
