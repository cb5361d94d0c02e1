"""The frozen base model (SmolLM2-135M-Instruct, LLaMA architecture) and its tokenizer, read from the GGUF."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from gguf import GGUFReader, dequantize
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

END = 2  # <|im_end|>
SPECIAL = 3  # GGUF token type "control"


@dataclass(frozen=True)
class Shape:
    """Sizes of a LLaMA-like decoder; rotary pairs are interleaved in GGUF's row order."""

    layers: int = 30
    width: int = 576
    heads: int = 9
    kv_heads: int = 3
    head: int = 64
    hidden: int = 1536
    vocabulary: int = 49152
    theta: float = 100_000.0
    eps: float = 1e-5

    @property
    def kv_width(self) -> int:
        return self.kv_heads * self.head

    def projections(self) -> dict[str, tuple[int, int]]:
        """GGUF name → (inputs, outputs)."""
        d, f, kv = self.width, self.hidden, self.kv_width
        return {
            "attn_q": (d, d), "attn_k": (d, kv), "attn_v": (d, kv), "attn_output": (d, d),
            "ffn_gate": (d, f), "ffn_up": (d, f), "ffn_down": (f, d),
        }  # fmt: skip


Weights = dict[str, torch.Tensor]


@cache
def half() -> torch.dtype:
    """bfloat16, or float32 on a processor without the instructions: there a product of halves takes many times that of floats."""
    able = torch.cuda.is_available() or torch.ops.mkldnn._is_mkldnn_bf16_supported()
    return torch.bfloat16 if able else torch.float32


def dtype_of(kind: str) -> torch.dtype:
    """What a base is computed in; ``tiny`` is for tests, which compare."""
    return half() if kind == "smollm2" else torch.float32


def load_gguf(path: Path) -> Weights:
    """Every tensor, dequantised to float32, in GGUF's names and row order."""
    return {
        t.name: torch.from_numpy(np.array(dequantize(t.data, t.tensor_type), dtype=np.float32))
        for t in GGUFReader(path).tensors
    }


def load_tokenizer(path: Path) -> Tokenizer:
    """Byte-level BPE with single digits, from the GGUF's own vocabulary and merges."""
    fields = GGUFReader(path).fields

    def strings(name: str) -> list[str]:
        field = fields[name]
        return [bytes(field.parts[i]).decode() for i in field.data]

    tokens = strings("tokenizer.ggml.tokens")
    merges = [tuple(m.split(" ")) for m in strings("tokenizer.ggml.merges")]
    types = fields["tokenizer.ggml.token_type"]
    tokenizer = Tokenizer(models.BPE(vocab={t: i for i, t in enumerate(tokens)}, merges=merges))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    control = [t for t, i in zip(tokens, types.data, strict=True) if int(types.parts[i][0]) == SPECIAL]
    tokenizer.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in control])
    return tokenizer


def random_base(shape: Shape, seed: int = 0) -> Weights:
    """A tiny random model for tests and the smoke run."""
    g = torch.Generator().manual_seed(seed)

    def normal(*size: int) -> torch.Tensor:
        return torch.randn(*size, generator=g) / size[-1] ** 0.5

    weights: Weights = {
        "token_embd.weight": torch.randn(shape.vocabulary, shape.width, generator=g) * 0.1,
        "output_norm.weight": torch.ones(shape.width),
    }
    for i in range(shape.layers):
        weights[f"blk.{i}.attn_norm.weight"] = torch.ones(shape.width)
        weights[f"blk.{i}.ffn_norm.weight"] = torch.ones(shape.width)
        for name, (inputs, outputs) in shape.projections().items():
            weights[f"blk.{i}.{name}.weight"] = normal(outputs, inputs)
    return weights


def byte_tokenizer() -> Tokenizer:
    """256 bytes and the chat's control tokens, ids 0–2 as in SmolLM2: for tests and the smoke run, without the GGUF."""
    control = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    vocabulary = {t: i for i, t in enumerate(control + sorted(pre_tokenizers.ByteLevel.alphabet()))}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken(t, normalized=False, special=True) for t in control])
    return tokenizer
