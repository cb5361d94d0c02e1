"""``export``: a checkpoint's averaged weights as the pack's adapter, with its manifest."""

from __future__ import annotations

import json
from itertools import chain
from pathlib import Path

import torch

from .adapter import save_adapter, trained
from .config import Config
from .export_vision import write_encoder, write_golden
from .model import Connector, Decoder
from .prepare import sha256
from .tail import tuned
from .vision import load_convs


def restore(path: Path, model: Decoder, connector: Connector, averaged: bool) -> dict:
    """A checkpoint's weights into model and connector; returns the whole state."""
    state = torch.load(path, weights_only=False, map_location="cpu")
    connector.load_state_dict(state["connector"])
    model.lora.load_state_dict(state["lora"])
    if averaged:
        with torch.no_grad():
            for p, a in zip(chain(*trained(model, connector).values()), state["average"], strict=True):
                p.copy_(a)
    model.merge()
    return state


GAIN_AT = 8
"""place of the gain of classes among averaged weights: three matrices and five vectors of the connector come before it"""


def soup(first: Path, second: Path, out: Path) -> None:
    """The mean of two checkpoints' averaged weights, as the second would be: model soups, Wortsman et al. 2022.

    Where only the second listens to classes, it keeps how much.
    """
    other, state = (torch.load(p, weights_only=False) for p in (first, second))
    if state["config"].get("classes") and not other["config"].get("classes"):
        other["average"].insert(GAIN_AT, state["average"][GAIN_AT])
    state["average"] = [(a + b) / 2 for a, b in zip(other["average"], state["average"], strict=True)]
    torch.save(state, out)


def export(checkpoint: Path, out: Path, model: Decoder, connector: Connector, averaged: bool, figures: dict) -> dict:
    """``out`` is the folder of the pack: writes ``adapter.safetensors``, ``adapter.json`` and, where it was trained, the vision encoder with its golden vectors (``out/vision``)."""
    state = restore(checkpoint, model, connector, averaged)
    run = Config(**state["config"])
    out.mkdir(parents=True, exist_ok=True)
    path = out / "adapter.safetensors"
    save_adapter(path, model, connector, {"run": run.name, "steps": str(state["step"])})
    manifest = {
        "file": path.name, "sha256": sha256(path), "bytes": path.stat().st_size, "rank": model.lora.rank, "scale": 2.0,
        "visualTokens": 16, "training": {"run": run.name, "steps": state["step"], "minutes": round(state["elapsed"] / 60, 1), "averaged": averaged},
        "figures": figures,
    }  # fmt: skip
    if connector.tail is not None:
        encoder = write_encoder(tuned(connector.tail), out / "vision" / "weights", plain=None if connector.classes is None else load_convs())
        write_golden(encoder, out / "vision" / "golden.json")
        manifest["encoder"] = {"file": encoder.name, "sha256": sha256(encoder), "bytes": encoder.stat().st_size, "from": run.encoder_from}
    (out / "adapter.json").write_text(json.dumps(manifest, indent=1) + "\n")
    return manifest
