"""Writes golden.json: a small connector in PyTorch, whose weights connector.spec.ts makes by the same rule.

    python libs/runtime/connector/golden.py     (needs: torch)
"""

import json
import math
from pathlib import Path

import torch
import torch.nn.functional as F

CHANNELS, HIDDEN, EMBEDDING, ACROSS, CLASSES = 3, 8, 6, 2, 5


def wave(shape: list[int], phase: float, size: float) -> torch.Tensor:
    return torch.tensor([math.sin(i * 0.7 + phase) * size for i in range(math.prod(shape))]).reshape(shape)


def main() -> None:
    features = 4 * CHANNELS
    feature_map = wave([2, CHANNELS, 2 * ACROSS, 2 * ACROSS], 8, 2)
    tiles = feature_map.flatten(2).transpose(1, 2).view(2, ACROSS, 2, ACROSS, 2, CHANNELS)
    x = tiles.permute(0, 1, 3, 2, 4, 5).reshape(2, ACROSS**2, features)
    x = F.layer_norm(x, (features,), 1 + wave([features], 1, 0.5), wave([features], 2, 0.3), 1e-5)
    x = F.gelu(F.linear(x, wave([HIDDEN, features], 3, 0.6), wave([HIDDEN], 4, 0.2)))
    x = F.linear(x, wave([EMBEDDING, HIDDEN], 5, 0.6), wave([EMBEDDING], 6, 0.2))
    x = F.layer_norm(x, (EMBEDDING,), eps=1e-5)
    place = lambda tokens: tokens * 0.3 + wave([ACROSS**2, EMBEDDING], 7, 0.1)  # noqa: E731
    seen = 0.5 + wave([2, CLASSES], 9, 0.4)
    word = 0.7 * EMBEDDING**0.5 * seen @ wave([CLASSES, EMBEDDING], 11, 0.5)
    listening = F.layer_norm(x + word[:, None], (EMBEDDING,), eps=1e-5)
    listed = lambda x: ",\n    ".join(str(round(float(value), 6)) for value in x.flatten())  # noqa: E731
    about = "PyTorch, on the weights that connector.spec.ts makes by the same rule"
    path = Path(__file__).with_name("golden.json")
    lists = {"visual_tokens": place(x), "listening": place(listening)}
    body = ",\n".join(f'  "{name}": [\n    {listed(tokens)}\n  ]' for name, tokens in lists.items())
    path.write_text(f'{{\n  "about": {json.dumps(about)},\n{body}\n}}\n')


if __name__ == "__main__":
    main()
