"""The cache of picture features: one float16 memmap [variant, picture, 64, 1280] per collection, written by the shipped ONNX.

Variants are fixed, seeded augmentations, so that a run costs no encoder pass per step: 0 is the plain picture, 1 its mirror
image, the others are crops (some mirrored). Quarters, for pictures in detail, are variants of a cache of their own. Writing resumes
after the last whole chunk.
"""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx.utils import Extractor

from .pixels import WHOLE, quarter
from .progress import Progress
from .vision import CHANNELS, GRID, SIDE, read_pixels

CELLS = GRID * GRID
CHUNK = 32
BLANK = (0.0, 0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Variant:
    """Side fraction range of a crop ((1, 1) is the whole picture), whether it is mirrored, and which block of it is seen (0: the whole)."""

    low: float
    high: float
    flip: bool
    block: int = field(default=0, repr=False)
    """not part of what seeds a crop: a crop and its quarters are of one place"""


PLAIN = Variant(1, 1, False)
MIRROR = Variant(1, 1, True)
QUARTERED = (0, 2)
"""the variants whose quarters are cached: the plain picture and one crop, not mirrored"""


def quarters(variants: list[Variant]) -> list[Variant]:
    return [replace(variants[v], block=block) for v in QUARTERED for block in range(1, 5)]


def box(variant: Variant, key: str) -> tuple[float, float, float, float] | None:
    """Where one picture is cut, from a generator seeded by its key; none where it is seen whole."""
    if variant.low >= 1 and variant.block == 0:
        return None
    crop = WHOLE
    if variant.low < 1:
        rng = random.Random(f"{variant}{key}")
        w, h = rng.uniform(variant.low, variant.high), rng.uniform(variant.low, variant.high)
        x, y = rng.uniform(0, 1 - w), rng.uniform(0, 1 - h)
        crop = (x, y, x + w, y + h)
    return quarter(crop, variant.block, variant.flip)


def cache_file(work: Path, collection: str, layer: str = "") -> Path:
    return work / f"{collection}{'-' if layer else ''}{layer}.f16"


def open_cache(path: Path) -> np.ndarray:
    """The cache for reading, [variant, picture, cells, channels]: the variants that are complete."""
    meta = json.loads(path.with_suffix(".json").read_text())
    shape = (meta["variants"], meta["pictures"], meta.get("cells", CELLS), meta.get("channels", CHANNELS))
    return np.memmap(path, np.float16, "r", shape=shape)[: meta["done"] // meta["pictures"]]


@dataclass
class Features:
    """What is cached of one collection of pictures."""

    whole: np.ndarray
    """[variant, picture, cells, channels]"""
    quarters: np.ndarray | tuple[()] = ()
    """the same of quarters: four of each of the first variants of ``QUARTERED``"""

    @property
    def quartered(self) -> tuple[int, ...]:
        """The variants that can be seen in detail."""
        if len(self.quarters) < 4:
            raise ValueError("no quarters of pictures are cached: prepare --detail")
        return QUARTERED[: len(self.quarters) // 4]

    def maps(self, variant: int, row: int, blocks: int) -> list[np.ndarray]:
        """One picture, [cells, channels] a block; ``variant`` is one of ``quartered`` where there are several blocks."""
        whole = self.whole[variant, row]
        if blocks == 1:
            return [whole]
        first = 4 * self.quartered.index(variant)
        return [whole, *self.quarters[first : first + 4, row]]


def read_features(work: Path, collection: str, layer: str) -> Features:
    quarters = cache_file(work, f"{collection}-quarters", layer)
    return Features(open_cache(cache_file(work, collection, layer)), open_cache(quarters) if quarters.exists() else ())


def until(model: Path, layer: str) -> bytes:
    """The encoder up to what enters ``layer``."""
    whole = onnx.load(model)
    entering = next(node for node in whole.graph.node if node.name == layer).input[0]
    return Extractor(onnx.shape_inference.infer_shapes(whole)).extract_model(["pixel_values"], [entering]).SerializeToString()


def write_cache(path: Path, files: list[Path], variants: list[Variant], model: Path, threads: int, layer: str = "") -> None:
    """Encodes every file in every variant, variant by variant: what enters ``layer``, or the whole encoder's output."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    session = ort.InferenceSession(until(model, layer) if layer else model, options, providers=["CPUExecutionProvider"])
    probe = session.run(None, {"pixel_values": np.zeros((1, 3, SIDE, SIDE), np.float32)})[0]
    channels, cells = probe.shape[1], probe.shape[2] * probe.shape[3]
    shape = (len(variants), len(files), cells, channels)
    meta_path = path.with_suffix(".json")
    done = json.loads(meta_path.read_text())["done"] if meta_path.exists() else 0
    out = np.memmap(path, np.float16, "r+" if path.exists() else "w+", shape=shape)

    def note(count: int) -> None:
        meta_path.write_text(json.dumps({"variants": len(variants), "pictures": len(files), "cells": cells, "channels": channels, "done": count}))

    def load(job: tuple[Variant, Path]) -> np.ndarray:
        variant, file = job
        return read_pixels(file, box(variant, file.name), variant.flip)

    note(done)
    progress = Progress(len(variants) * len(files), f"features {path.stem}", "pictures", done)
    with ThreadPoolExecutor(2) as pool:
        for v, variant in enumerate(variants):
            starts = [s for s in range(0, len(files), CHUNK) if v * len(files) + s >= done]
            chunks = (pool.submit(lambda s=s: [load((variant, f)) for f in files[s : s + CHUNK]]) for s in starts)
            ahead = next(chunks, None)
            for start in starts:
                pixels, ahead = np.stack(ahead.result()), next(chunks, None)
                maps = session.run(None, {"pixel_values": pixels})[0]
                out[v, start : start + len(maps)] = maps.reshape(len(maps), channels, cells).transpose(0, 2, 1)
                note(v * len(files) + start + len(maps))
                progress.at(v * len(files) + start + len(maps))
    out.flush()
