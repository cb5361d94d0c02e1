"""What the vision encoder knew before it saw a caption: the 1,000 classes of ImageNet, as words.

Two thousand photographs with captions show few dogs from few sides; the encoder was trained on a million pictures, 120 breeds of dogs
among them. Its own classifier, over the mean of its feature map, says what it sees, and the word that a caption would use for each class
(``class_words.txt``: "151-268 dog") goes into the visual tokens as the decoder's own embedding of that word.
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from torch import nn

CLASSES = 1000


def class_words() -> list[str]:
    """A word for every class, in ImageNet's order."""
    words = [""] * CLASSES
    for line in Path(__file__).with_name("class_words.txt").read_text(encoding="utf-8").splitlines():
        place, word = line.split()
        first, _, last = place.partition("-")
        for i in range(int(first), int(last or first) + 1):
            words[i] = word
    return words


def directions(tokens: torch.Tensor, embedding: torch.Tensor) -> torch.Tensor:
    """Tokens as visual tokens hold them: unit vectors [..., width] of their embeddings, from the mean of all."""
    return F.normalize(embedding[tokens].float() - embedding.float().mean(0), dim=-1)


def word_directions(words: list[str], tokenizer: Tokenizer, embedding: torch.Tensor) -> torch.Tensor:
    """The same of words [words, width]: the mean of their tokens, of length one again."""
    ids = {word: tokenizer.encode(f" {word}").ids for word in words}
    parts = directions(torch.tensor(list(chain(*ids.values()))), embedding).split([len(i) for i in ids.values()])
    made = {word: F.normalize(part.mean(0), dim=-1) for word, part in zip(ids, parts, strict=True)}
    return torch.stack([made[word] for word in words])


class Classes(nn.Module):
    """What the encoder's own classifier sees, told in words. Of it only ``gain`` is trained."""

    def __init__(self, width: int = 576, channels: int = 1280, classes: int = CLASSES, plain: nn.Module | None = None) -> None:
        super().__init__()
        self.plain = None if plain is None else plain.requires_grad_(False)
        """the encoder's last layers as they were, where those that the connector sees are trained: captions make them forget classes"""
        self.register_buffer("weight", torch.zeros(classes, channels))
        self.register_buffer("bias", torch.zeros(classes))
        self.register_buffer("words", torch.zeros(classes, width))
        self.gain = nn.Parameter(torch.tensor(0.6))
        """how much of it goes into a visual token, whose other part has as much as the token's width"""

    def forward(self, f: torch.Tensor) -> torch.Tensor:
        """What enters the last layers, [n, cells, channels] → probabilities [n, classes]."""
        with torch.no_grad():
            f = f if self.plain is None else self.plain(f)
            return F.linear(f.float().mean(1), self.weight, self.bias).softmax(-1)

    def add(self, tokens: torch.Tensor, probabilities: torch.Tensor) -> torch.Tensor:
        """Normed visual tokens [n, tokens, width], with the words of [n, classes] in each, normed again."""
        width = tokens.shape[-1]
        told = self.gain * width**0.5 * (probabilities @ self.words)
        return F.layer_norm(tokens + told[:, None], (width,))


def open_classes(tokenizer: Tokenizer, embedding: torch.Tensor, layer: str = "") -> Classes:
    """The pretrained classifier and the words of its classes; ``layer``: the first layer of the encoder that is trained."""
    from .tail import open_tail
    from .vision import load_classifier

    weight, bias = load_classifier()
    made = Classes(embedding.shape[1], weight.shape[1], len(weight), open_tail(layer))
    made.weight.copy_(weight)
    made.bias.copy_(bias)
    made.words.copy_(word_directions(class_words(), tokenizer, embedding))
    return made
