"""The adapter file: connector and LoRA as float16 safetensors, in the names of ``packs/nano/README.md`` and GGUF's row order."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

from .model import Connector, Decoder

CONNECTOR = {
    "connector.norm.weight": "norm.weight", "connector.norm.bias": "norm.bias", "connector.fc1.weight": "fc1.weight",
    "connector.fc1.bias": "fc1.bias", "connector.fc2.weight": "fc2.weight", "connector.fc2.bias": "fc2.bias",
    "connector.scale": "scale", "connector.position": "position",
}  # fmt: skip


def tensors(model: Decoder, connector: Connector) -> dict[str, torch.Tensor]:
    state = connector.state_dict()
    out = {name: state[key] for name, key in CONNECTOR.items()}
    for key in model.lora.a:
        layer, name = key.split(":")
        out[f"lora.blk.{layer}.{name}.a"] = model.lora.a[key]
        out[f"lora.blk.{layer}.{name}.b"] = model.lora.b[key]
    return {k: v.detach().to(torch.float16).contiguous() for k, v in out.items()}


def trained(model: Decoder, connector: Connector) -> dict[str, list[torch.nn.Parameter]]:
    """Everything that is trained, in the order of optimizers and checkpoints."""
    tail = list(connector.tail.parameters()) if connector.tail is not None else []
    own = [p for p in connector.parameters() if not any(p is t for t in tail)]
    return {
        "matrices": [p for p in own if p.ndim > 1], "vectors": [p for p in own if p.ndim <= 1], "lora": list(model.lora.parameters()),
        "tail": tail,
    }  # fmt: skip


def save_adapter(path: Path, model: Decoder, connector: Connector, metadata: dict[str, str]) -> None:
    save_file(tensors(model, connector), path, metadata={"rank": str(model.lora.rank), "scale": "2.0", **metadata})


def load_adapter(path: Path, model: Decoder, connector: Connector) -> None:
    """Into the trainable parameters; every tensor must be there."""
    file = load_file(path)
    connector.load_state_dict({**connector.state_dict(), **{key: file[name].float() for name, key in CONNECTOR.items()}})
    with torch.no_grad():
        for key in model.lora.a:
            layer, name = key.split(":")
            model.lora.a[key].copy_(file[f"lora.blk.{layer}.{name}.a"].float())
            model.lora.b[key].copy_(file[f"lora.blk.{layer}.{name}.b"].float())
    model.merge()
