"""Writes the vision encoder as ONNX, with golden vectors.

    python -m tessera_training.export_vision OUT_DIR [--golden FILE] [--float32] [--size 0]

Weights are stored as float16 and cast to float32 in the graph, a constant expression that onnxruntime folds when it loads
the file: half the size, the speed of float32. Batch norm is folded into the convolutions.

``feature_map`` is what the connector takes. ``classes`` [n, 1000] are the probabilities of the encoder's own classifier, behind layers as ImageNet left
them: where captions changed the last ones, those stand beside them once more, in eight bits with a scale for each channel.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import torch
from onnx import TensorProto, helper, numpy_helper

from .vision import CHANNELS, GRID, SIDE, Conv, forward, golden_pixels, load_classifier, load_convs

OPSET = 17


class Builder:
    """Nodes and weights of an encoder."""

    def __init__(self, half: bool) -> None:
        self.half = half
        self.nodes: list[onnx.NodeProto] = []
        self.inits = [numpy_helper.from_array(np.array(value, np.float32), name) for name, value in (("zero", 0), ("six", 6))]

    def constant(self, name: str, value: np.ndarray) -> str:
        self.inits.append(numpy_helper.from_array(value, name))
        return name

    def node(self, kind: str, inputs: list[str], output: str, **attributes: object) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], **attributes))
        return output

    def weight(self, name: str, value: np.ndarray, small: bool = False) -> str:
        """Weights whose first axis are output channels; ``small``: eight bits and a scale for each channel."""
        if not self.half:
            return self.constant(name, value)
        if not small:
            return self.node("Cast", [self.constant(f"{name}.f16", value.astype(np.float16))], name, to=TensorProto.FLOAT)
        scale = np.abs(value).max(tuple(range(1, value.ndim)), keepdims=True).clip(1e-12) / 127
        rounded = self.constant(f"{name}.i8", np.round(value / scale).astype(np.int8))
        wide = self.node("Cast", [rounded], f"{name}.wide", to=TensorProto.FLOAT)
        return self.node("Mul", [wide, self.constant(f"{name}.scale", scale.astype(np.float32))], name)

    def convolutions(self, convs: list[Conv], x: str, out: str, prefix: str = "", small: bool = False) -> list[str]:
        """Convolutions one after the other, from ``x`` to ``out``; what enters each of them."""
        inputs: list[str] = []
        for i, conv in enumerate(convs):
            inputs.append(x)
            name = prefix + conv.name
            weight = self.weight(f"{name}.weight", conv.weight.detach().float().numpy(), small)
            bias = self.constant(f"{name}.bias", conv.bias.detach().float().numpy())
            left, right, top, bottom = conv.pad
            end = out if i == len(convs) - 1 else f"{name}.out"
            y = end if conv.residual is None and not conv.relu6 else f"{name}.conv"
            self.node(
                "Conv", [x, weight, bias], y, name=name, group=conv.groups, strides=[conv.stride] * 2,
                kernel_shape=list(conv.weight.shape[2:]), pads=[top, left, bottom, right],
            )  # fmt: skip
            if conv.residual is not None:
                y = self.node("Add", [y, inputs[conv.residual]], f"{name}.sum" if conv.relu6 else end)
            if conv.relu6:
                self.node("Clip", [y, "zero", "six"], end)
            x = end
        return inputs

    def classifier(self, x: str, weight: np.ndarray, bias: np.ndarray) -> None:
        """Probabilities over the mean of a feature map."""
        mean = self.node("ReduceMean", [x], "classes.mean", axes=[2, 3], keepdims=0)
        logits = self.node("Gemm", [mean, self.weight("classes.weight", weight, small=True), self.constant("classes.bias", bias)], "logits", transB=1)
        self.node("Softmax", [logits], "classes", axis=-1)


def build(convs: list[Conv], half: bool, plain: list[Conv] | None = None) -> onnx.ModelProto:
    """The list of convolutions as an ONNX graph; only their weights are stored in fewer bits.

    ``plain``: the same layers before they were trained; those from the first that differs on stand beside the trained ones.
    """
    graph = Builder(half)
    inputs = graph.convolutions(convs, "pixel_values", "feature_map")
    outputs = [helper.make_tensor_value_info("feature_map", TensorProto.FLOAT, ["n", CHANNELS, GRID, GRID])]
    if plain is not None:
        at = next((i for i, (a, b) in enumerate(zip(convs, plain, strict=True)) if not torch.equal(a.weight, b.weight)), len(convs))
        own = [replace(c, residual=None if c.residual is None else c.residual - at) for c in plain[at:]]
        if own:
            graph.convolutions(own, inputs[at], "plain.feature_map", "plain.", small=True)
        graph.classifier("plain.feature_map" if own else "feature_map", *(t.numpy() for t in load_classifier()))
        outputs.append(helper.make_tensor_value_info("classes", TensorProto.FLOAT, ["n", 1000]))
    model = helper.make_model(
        helper.make_graph(
            graph.nodes, "efficientnet-lite2", [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])], outputs, graph.inits
        ),
        opset_imports=[helper.make_opsetid("", OPSET)], producer_name="tessera-training",
    )  # fmt: skip
    model.ir_version = 9
    onnx.checker.check_model(model)
    return model


def write_encoder(convs: list[Conv], folder: Path, half: bool = True, size: int = 2, plain: list[Conv] | None = None) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"efficientnet-lite{size}.onnx"
    onnx.save(build(convs, half, plain), path)
    return path


def golden(session: ort.InferenceSession) -> dict[str, object]:
    """Outputs for the formula picture: 48 numbers spread over the map, its sum and the sum of its squares; the likeliest classes."""
    out, *classes = session.run(None, {"pixel_values": golden_pixels()})
    flat = out.reshape(-1)
    likely = np.argsort(-classes[0][0])[:8] if classes else []
    at = [int(i) for i in np.argsort(-flat)[:24]] + [int(i) for i in np.linspace(0, flat.size - 1, 24)]
    return {
        "format": "pixel_values[0,c,y,x] = (byte - 127) / 128 with byte = (x*(c+1) + y*(3-c) + ((x*y) >> 5)*(c+2)) mod 256; "
        "feature_map flattened as [1280, 8, 8]; values[i] is the output at indices[i]",
        "shape": list(out.shape),
        "tolerance": 0.005,
        "sum": float(flat.astype(np.float64).sum()),
        "sumOfSquares": float((flat.astype(np.float64) ** 2).sum()),
        "indices": at,
        "values": [round(float(flat[i]), 5) for i in at],
        "classes": [{"index": int(i), "probability": round(float(classes[0][0, i]), 5)} for i in likely],
    }


def write_golden(encoder: Path, path: Path) -> None:
    path.write_text(json.dumps(golden(ort.InferenceSession(encoder, providers=["CPUExecutionProvider"])), indent=1) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--golden", type=Path)
    parser.add_argument("--float32", action="store_true")
    parser.add_argument("--size", type=int, default=2, help="Lite0 to Lite4; the package of its weights must be installed")
    args = parser.parse_args()
    convs = load_convs(args.size)
    path = write_encoder(convs, args.out, not args.float32, args.size, convs if args.size == 2 else None)
    session = ort.InferenceSession(path, providers=["CPUExecutionProvider"])
    pixels = np.concatenate([golden_pixels(), np.random.default_rng(0).standard_normal((1, 3, SIDE, SIDE)).astype(np.float32)])
    got = session.run(None, {"pixel_values": pixels})[0]
    with torch.inference_mode():
        want = forward(convs, torch.from_numpy(pixels)).numpy()
    cosine = float((got * want).sum() / np.sqrt((got**2).sum() * (want**2).sum()))
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    print(f"{path.name}: {path.stat().st_size} bytes, sha256 {digest}")
    print(f"against float32 PyTorch: max abs diff {np.abs(got - want).max():.5f}, cosine {cosine:.8f}")
    if args.golden:
        write_golden(path, args.golden)


if __name__ == "__main__":
    main()
