import random

import numpy as np
import torch
import torch.nn.functional as F

from tessera_training.adapter import has_classes, load_adapter, save_adapter, trained
from tessera_training.base import byte_tokenizer, random_base
from tessera_training.classes import Classes, class_words, word_directions
from tessera_training.model import Connector, Decoder
from tessera_training.train import TINY
from tessera_training.words import CLASSES_SEEN, glimpse, imagined, singular, spread


def seeing(number: int, channels: int = 4) -> Classes:
    """Three classes with words of their own, of which a picture's brightest channel is the one."""
    made = Classes(TINY.width, channels, 3)
    made.weight.copy_(20 * torch.eye(3, channels))
    made.words.copy_(F.normalize(torch.randn(3, TINY.width, generator=torch.Generator().manual_seed(number)), dim=-1))
    return made


def test_every_class_has_a_word():
    words = class_words()
    assert len(words) == 1000 and all(words)
    known = {0: "fish", 151: "dog", 268: "dog", 281: "cat", 291: "lion", 340: "zebra", 444: "bicycle", 779: "bus", 963: "pizza", 978: "beach"}
    assert {i: words[i] for i in known} == known


def test_the_same_word_is_the_same_direction():
    embedding = torch.randn(259, 12, generator=torch.Generator().manual_seed(0))
    made = word_directions(["dog", "ox", "dog"], byte_tokenizer(), embedding)
    assert torch.equal(made[0], made[2]) and not torch.allclose(made[0], made[1])
    assert torch.allclose(made.norm(dim=-1), torch.ones(3))


def test_what_the_classifier_sees_is_in_every_visual_token():
    torch.manual_seed(0)
    classes = seeing(1)
    deaf, told = Connector(TINY.width, channels=4, hidden=8), Connector(TINY.width, channels=4, hidden=8, classes=classes)
    told.load_state_dict({**told.state_dict(), **deaf.state_dict()})
    maps = torch.rand(1, 64, 4) * 0.1
    maps[..., 2] += 3
    near = lambda connector: F.cosine_similarity((connector(maps) / connector.scale)[0], classes.words[2])  # noqa: E731
    assert (near(told) > near(deaf) + 0.2).all()
    with torch.no_grad():
        classes.gain.zero_()
    assert torch.allclose(told(maps), deaf(maps), atol=1e-4)


def test_classes_are_seen_by_layers_that_captions_do_not_change():
    tail = torch.nn.Linear(4, 4, bias=False)
    classes = seeing(1)
    classes.plain = torch.nn.Linear(4, 4, bias=False).requires_grad_(False)
    connector = Connector(TINY.width, channels=4, hidden=8, tail=tail, classes=classes)
    parts = trained(Decoder(TINY, random_base(TINY), torch.float32), connector)
    assert any(p is classes.gain for p in parts["vectors"]) and not any(p is classes.plain.weight for ps in parts.values() for p in ps)
    maps = torch.randn(2, 64, 4)
    before = classes(maps)
    connector(maps).sum().backward()
    assert tail.weight.grad.abs().max() > 0 and classes.plain.weight.grad is None
    with torch.no_grad():
        tail.weight.add_(1)
    assert torch.equal(classes(maps), before)


def test_adapter_file_holds_the_classifier(decoder, tmp_path):
    file = tmp_path / "a.safetensors"
    told = Connector(TINY.width, channels=4, hidden=8, classes=seeing(1))
    save_adapter(file, decoder, told, {})
    assert has_classes(file)
    again = Connector(TINY.width, channels=4, hidden=8, classes=seeing(3))
    load_adapter(file, decoder, again)
    maps = torch.randn(2, 64, 4)
    assert torch.allclose(again(maps), told(maps), atol=1e-2)
    # An adapter of before: what the connector knows of classes stays.
    save_adapter(file, decoder, Connector(TINY.width, channels=4, hidden=8), {})
    assert not has_classes(file)
    load_adapter(file, decoder, again)
    assert torch.allclose(again.classes.words, told.classes.words, atol=1e-2)


def test_a_glimpse_is_mostly_what_the_caption_says():
    words = {w: i for i, w in enumerate(["dog", "beach", "bus", "tree", "hat"])}
    seen = np.stack([glimpse("Two dogs run on a beach.", words, random.Random(i)) for i in range(400)])
    assert seen.shape == (400, CLASSES_SEEN, 2)
    assert (seen[..., 1] >= 0).all() and (seen[..., 1].sum(1) <= 1).all()
    said = np.isin(seen[..., 0], [0, 1])
    assert (seen[..., 1] * said).sum() > 3 * (seen[..., 1] * ~said).sum()
    assert singular("buses", words) == "bus" and singular("man", words) is None


def test_imagined_pictures_are_classified_too(decoder):
    words = {"dog": 5, "ball": 9, "tree": 11}
    slots = torch.from_numpy(spread("A dog with a ball.", words, random.Random(3)))[None]
    connector = Connector(TINY.width, hidden=8, classes=seeing(2, 1280))
    seen = torch.tensor([[[1.0, 0.9], [0.0, 0.0], [2.0, 0.0]]])
    torch.manual_seed(0)
    without = imagined(slots, decoder.embedding, connector)
    torch.manual_seed(0)
    told = imagined(slots, decoder.embedding, connector, seen)
    near = lambda tokens: F.cosine_similarity(tokens[0], connector.classes.words[1])  # noqa: E731
    assert (near(told) > near(without)).all()
