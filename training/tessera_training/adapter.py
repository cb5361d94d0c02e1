"""The adapter file: connector and LoRA as float16 safetensors, in the names of ``packs/nano/README.md`` and GGUF's row order."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file

from .model import Connector, Decoder

CONNECTOR = {
    "connector.norm.weight": "norm.weight", "connector.norm.bias": "norm.bias", "connector.fc1.weight": "fc1.weight",
    "connector.fc1.bias": "fc1.bias", "connector.fc2.weight": "fc2.weight", "connector.fc2.bias": "fc2.bias",
    "connector.scale": "scale", "connector.position": "position",
}  # fmt: skip
CLASSES = {f"connector.classes.{name}": f"classes.{name}" for name in ("words", "gain")}
"""of a connector that is told what the encoder's own classifier sees; the classifier is the encoder's"""


def tensors(model: Decoder, connector: Connector) -> dict[str, torch.Tensor]:
    state = connector.state_dict()
    out = {name: state[key] for name, key in (CONNECTOR | CLASSES).items() if key in state}
    for key in model.lora.a:
        layer, name = key.split(":")
        out[f"lora.blk.{layer}.{name}.a"] = model.lora.a[key]
        out[f"lora.blk.{layer}.{name}.b"] = model.lora.b[key]
    return {k: v.detach().to(torch.float16).contiguous() for k, v in out.items()}


def trained(model: Decoder, connector: Connector) -> dict[str, list[torch.nn.Parameter]]:
    """Everything that is trained, in the order of optimizers and checkpoints."""
    tail = list(connector.tail.parameters()) if connector.tail is not None else []
    own = [p for name, p in connector.named_parameters() if not name.startswith(("tail.", "classes.plain."))]
    return {
        "matrices": [p for p in own if p.ndim > 1], "vectors": [p for p in own if p.ndim <= 1], "lora": list(model.lora.parameters()),
        "tail": tail,
    }  # fmt: skip


def has_classes(path: Path) -> bool:
    with safe_open(path, "pt") as file:
        return CLASSES.keys() <= set(file.keys())


def connector_state(file: dict[str, torch.Tensor], classes: bool) -> dict[str, torch.Tensor]:
    """The connector's part of an adapter file."""
    known = CONNECTOR | ({name: key for name, key in CLASSES.items() if name in file} if classes else {})
    return {key: file[name].float() for name, key in known.items()}


def save_adapter(path: Path, model: Decoder, connector: Connector, metadata: dict[str, str]) -> None:
    save_file(tensors(model, connector), path, metadata={"rank": str(model.lora.rank), "scale": "2.0", **metadata})


def load_adapter(path: Path, model: Decoder, connector: Connector) -> None:
    """Into the trainable parameters; every tensor must be there, but for those about classes: then what the connector knows of them stays."""
    file = load_file(path)
    connector.load_state_dict({**connector.state_dict(), **connector_state(file, connector.classes is not None)})
    with torch.no_grad():
        for key in model.lora.a:
            layer, name = key.split(":")
            model.lora.a[key].copy_(file[f"lora.blk.{layer}.{name}.a"].float())
            model.lora.b[key].copy_(file[f"lora.blk.{layer}.{name}.b"].float())
    model.merge()
