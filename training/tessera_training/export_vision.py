"""Writes the vision encoder as ONNX, with golden vectors.

    python -m tessera_training.export_vision OUT_DIR [--golden FILE] [--float32] [--size 0]

Weights are stored as float16 and cast to float32 in the graph, a constant expression that onnxruntime folds when it loads
the file: half the size, the speed of float32. Batch norm is folded into the convolutions.
"""

from __future__ import annotations

import argparse
import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto, helper, numpy_helper

from .vision import CHANNELS, GRID, SIDE, Conv, forward, golden_pixels, load_convs

OPSET = 17


def build(convs: list[Conv], half: bool) -> onnx.ModelProto:
    """The list of convolutions as an ONNX graph; only convolution weights are stored in half precision."""
    nodes, inits = [], [
        numpy_helper.from_array(np.array(0, np.float32), "zero"),
        numpy_helper.from_array(np.array(6, np.float32), "six"),
    ]
    inputs: list[str] = []
    x = "pixel_values"
    for i, conv in enumerate(convs):
        inputs.append(x)
        weight = conv.weight.detach().float().numpy()
        weight_name, bias_name = f"{conv.name}.weight", f"{conv.name}.bias"
        inits.append(numpy_helper.from_array(conv.bias.detach().float().numpy(), bias_name))
        if half:
            inits.append(numpy_helper.from_array(weight.astype(np.float16), f"{weight_name}.f16"))
            nodes.append(helper.make_node("Cast", [f"{weight_name}.f16"], [weight_name], to=TensorProto.FLOAT))
        else:
            inits.append(numpy_helper.from_array(weight, weight_name))
        left, right, top, bottom = conv.pad
        last = i == len(convs) - 1
        out = "feature_map" if last else f"{conv.name}.out"
        steps_after = (conv.residual is not None) + conv.relu6
        y = out if steps_after == 0 else f"{conv.name}.conv"
        nodes.append(
            helper.make_node(
                "Conv", [x, weight_name, bias_name], [y], name=conv.name, group=conv.groups,
                strides=[conv.stride] * 2, kernel_shape=list(weight.shape[2:]), pads=[top, left, bottom, right],
            )
        )
        if conv.residual is not None:
            z = f"{conv.name}.sum" if conv.relu6 else out
            nodes.append(helper.make_node("Add", [y, inputs[conv.residual]], [z]))
            y = z
        if conv.relu6:
            nodes.append(helper.make_node("Clip", [y, "zero", "six"], [out]))
        x = out
    graph = helper.make_graph(
        nodes, "efficientnet-lite2",
        [helper.make_tensor_value_info("pixel_values", TensorProto.FLOAT, ["n", 3, SIDE, SIDE])],
        [helper.make_tensor_value_info("feature_map", TensorProto.FLOAT, ["n", CHANNELS, GRID, GRID])],
        inits,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="tessera-training")
    model.ir_version = 9
    onnx.checker.check_model(model)
    return model


def write_encoder(convs: list[Conv], folder: Path, half: bool = True, size: int = 2) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"efficientnet-lite{size}.onnx"
    onnx.save(build(convs, half), path)
    return path


def golden(session: ort.InferenceSession) -> dict[str, object]:
    """Outputs for the formula picture: 48 numbers spread over the map, its sum and the sum of its squares."""
    out = session.run(None, {"pixel_values": golden_pixels()})[0]
    flat = out.reshape(-1)
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
    path = write_encoder(convs, args.out, not args.float32, args.size)

    import torch

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
