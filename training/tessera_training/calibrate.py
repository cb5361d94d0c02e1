"""Root mean squares of what enters the decoder's matrices, channel by channel: the graph builder balances channels by them.

    python -m tessera_training.calibrate GGUF ADAPTER.safetensors OUT.safetensors   (TESSERA_DATA set)
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
from itertools import islice
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

from .base import Shape, Weights, load_gguf, load_tokenizer
from .golden_decoder import Reference, merged
from .prompts import NOT_FOUND, TIMELINE_PREFIX, TURN, chat_prompt, stamp

LINES = 12
TIMELINES = 24


class Observed(Reference):
    """Adds up the squares of every matrix's inputs."""

    def __init__(self, weights: Weights, shape: Shape) -> None:
        super().__init__(weights, shape)
        self.squares: dict[str, torch.Tensor] = {}
        self.tokens = 0

    def see(self, name: str, x: torch.Tensor) -> torch.Tensor:
        self.squares[name] = self.squares.get(name, 0) + x.double().pow(2).sum(0)
        return x

    def norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return self.see(name, super().norm(x, name))

    def feed_forward(self, h: torch.Tensor, prefix: str) -> torch.Tensor:
        w = self.w
        mixed = F.silu(h @ w[prefix + "ffn_gate.weight"].T) * (h @ w[prefix + "ffn_up.weight"].T)
        return self.see(prefix + "ffn_down.weight", mixed) @ w[prefix + "ffn_down.weight"].T

    def observe(self, ids: list[int]) -> None:
        x, _ = self.run(self.embed(ids, torch.zeros(0, self.s.width)), None)
        self.norm(x, "output_norm.weight")
        self.tokens += len(ids)

    def table(self) -> dict[str, torch.Tensor]:
        """Names as the builder reads them → float16 root mean squares."""
        ends = {"attn_norm.weight": "qkv", "ffn_norm.weight": "gate_up", "ffn_down.weight": "down"}
        out = {}
        for name, sum_ in self.squares.items():
            stem, end = name.rsplit(".", 2)[0], ".".join(name.rsplit(".", 2)[1:])
            key = "head" if name == "output_norm.weight" else f"{stem}.{ends[end]}"
            out[key] = (sum_ / self.tokens).sqrt().clamp_min(1e-6).to(torch.float16).contiguous()
        return out


def texts(data: Path, encode) -> list[list[int]]:
    """Timelines of captions and of speech with a question and its answer, and a chat without material."""
    with gzip.open(data / "text-captions.jsonl.gz", "rt") as file:
        captions = [json.loads(line)["text"] for line in islice(file, LINES * TIMELINES)]
    speech = [json.loads(line)["text"] for line in (data / "speech.jsonl").read_text().splitlines()]
    out = []
    for t in range(TIMELINES):
        lines = [f"[{stamp(7 * i)}] Picture: {text}\n" for i, text in enumerate(captions[t * LINES : (t + 1) * LINES])]
        lines.insert(4, f"[{stamp(30)}] Speech: {speech[t]}\n")
        answer = NOT_FOUND if t % 4 == 0 else speech[t]
        question = "Who won the match?" if t % 4 == 0 else "What was said?"
        out.append(encode(f"{TIMELINE_PREFIX}{''.join(lines)}\n{question}{TURN}{answer}<|im_end|>"))
    for text in speech[-TIMELINES:]:
        out.append(chat_prompt(encode, f"Repeat: {text}") + encode(f"{text}<|im_end|>"))
    return out


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("gguf", type=Path)
    parser.add_argument("adapter", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()
    tokenizer = load_tokenizer(args.gguf)
    model = Observed(merged(load_gguf(args.gguf), load_file(args.adapter)), Shape())
    with torch.inference_mode():
        for ids in texts(Path(os.environ["TESSERA_DATA"]), lambda text: tokenizer.encode(text).ids):
            model.observe(ids)
    save_file(model.table(), args.out)
    print(f"{args.out}: {model.tokens} tokens")


if __name__ == "__main__":
    main()
