"""A run as one TOML file; unknown keys are errors."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TypeVar


@dataclass
class Config:
    """``minutes`` bounds the wall clock (the schedule follows it); ``steps`` bounds optimizer steps (the schedule follows them)."""

    name: str
    seed: int = 0
    minutes: float = 0.0
    steps: int = 0
    stage: str = "captions"
    """``captions``: cross entropy; ``scst``: self-critical sequence training on captions. Both keep the mixture."""
    init: str = ""
    """a checkpoint (relative to the work folder) to start from; its optimizer state is not used"""
    warm_minutes: float = 0.0
    base: str = "smollm2"
    """``smollm2``, or ``tiny``: a random model and generated data that need nothing from outside"""
    rank: int = 16
    workers: int = 2
    threads: int = 1
    compile: bool = True
    pictures: int = 10
    """photographs with five captions a step and worker; single-caption ones count a third"""
    mixture: list[str] = field(default_factory=lambda: ["vqa", "timeline", "photo_questions", "vqa", "timeline", "chat", "vqa", "timeline"])
    """parts of the steps, in turn: kinds of batches of ``data.Stream``; ``vqa_answers``, ``timeline_answers`` and ``imagined_captions`` are sampled and rewarded"""
    mixture_every: int = 1
    vqa_pictures: int = 3
    """photographs with up to nine picture questions each in a part ``vqa`` of the mixture"""
    imagined_pictures: int = 6
    """pictures that nobody has, with captions of several people, in a part ``imagined_captions`` of the mixture"""
    timeline_tokens: list[int] = field(default_factory=lambda: [150, 250, 350, 500, 700])
    rate_connector: float = 1e-3
    rate_lora: float = 4e-4
    warmup_steps: int = 40
    floor: float = 0.03
    label_smoothing: float = 0.05
    dropout: float = 0.3
    """in the connector: features of few pictures are learned by heart within three passes without it"""
    encoder_from: str = ""
    """the first layer of the vision encoder that is trained too (``tail``); its inputs are cached by ``prepare --layer``"""
    encoder: str = ""
    """an exported encoder whose layers a run that starts from a pack's adapter (``init``) goes on with; the pretrained ones by default"""
    rate_encoder: float = 1e-4
    connector_decay: float = 0.05
    weight_decay: float = 0.01
    clip: float = 1.0
    ema: float = 0.995
    device: str = "cpu"
    """``cuda``: one process, the encoder in every step on fresh crops, all parts of a step in one batch (``accelerated``)"""
    parts: dict[str, int] = field(default_factory=dict)
    """on a GPU: pictures, timelines or texts of each kind in every step (captions, vqa, photo_questions, timeline, writing, chat)"""
    chat_every: int = 5
    classes: bool = False
    """whether the connector is told what the encoder's own classifier sees"""
    tiled: float = 0.0
    """share of pictures shown in detail: five blocks of 16 tokens (on a CPU from caches of ``prepare --detail``)"""
    tiled_questions: float | None = None
    """the same of pictures that are asked about; ``tiled`` where absent"""
    readers: int = 0
    """processes that make batches, and as many that score samples"""
    validate_every: int = 200
    asked: int = 0
    """on a GPU, of a self-critical run: pictures whose questions are sampled for in every step, rewarded by exact match"""
    answer_limit: int = 12
    reward_weight: float = 1.0
    samples: int = 5
    fewest_captions: int = 5
    """photographs with fewer captions are not sampled for"""
    repeat_penalty: float = 0.0
    """what a sentence that another photograph got loses of its reward"""
    temperature: float = 1.0
    sample_limit: int = 22
    checkpoint_minutes: float = 5.0
    validate_pictures: int = 96


Run = TypeVar("Run")


def read_as(kind: type[Run], path: Path) -> Run:
    """The file as a dataclass of this kind."""
    raw = tomllib.loads(path.read_text())
    known = {f.name for f in fields(kind)}
    if unknown := raw.keys() - known:
        raise ValueError(f"{path}: unknown keys {sorted(unknown)}")
    return kind(**raw)


def read(path: Path) -> Config:
    config = read_as(Config, path)
    if not (config.minutes or config.steps):
        raise ValueError(f"{path}: needs minutes or steps")
    if config.stage not in ("captions", "scst"):
        raise ValueError(f"{path}: stage is captions or scst")
    return config
