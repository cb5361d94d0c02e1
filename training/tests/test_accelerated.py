"""The path of a GPU, run on the CPU: pixels, blocks of detail, imagined pictures, both stages."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image

from tessera_training import accelerated
from tessera_training.base import byte_tokenizer, random_base
from tessera_training.config import Config
from tessera_training.export import export, restore
from tessera_training.metrics import normalise
from tessera_training.model import Connector, Decoder
from tessera_training.pixels import KEPT, WHOLE, Pictures, View, quarter, views
from tessera_training.plan import Branch, Sequence, lay
from tessera_training.prompts import TILED, caption_prompt
from tessera_training.scst import Rewards
from tessera_training.splits import Photo, Question
from tessera_training.tail import open_tail
from tessera_training.tiny import tiny_corpus
from tessera_training.train import TINY
from tessera_training.vision import read_pixels
from tessera_training.words import SLOTS, imagined, spread

COLOURS = {"red": (220, 30, 30), "blue": (30, 30, 220), "green": (30, 200, 30), "white": (240, 240, 240)}


@pytest.fixture(scope="module")
def files(tmp_path_factory) -> list[Path]:
    folder = tmp_path_factory.mktemp("pictures")
    for name, colour in COLOURS.items():
        Image.new("RGB", (90, 60), colour).save(folder / f"{name}.png")
    four = Image.new("RGB", (96, 64))
    for i, colour in enumerate(COLOURS.values()):
        four.paste(colour, (48 * (i % 2), 32 * (i // 2), 48 * (i % 2) + 48, 32 * (i // 2) + 32))
    four.save(folder / "four.png")
    return [folder / f"{n}.png" for n in [*COLOURS, "four"]]


@pytest.fixture()
def pictures(files) -> Pictures:
    return Pictures({"photos": files, "vqa": files[:4]}, 1)


def test_whole_picture_is_the_one_of_the_cache(pictures, files):
    cut = pictures.plain("photos", [4], 1)[0].view(256, 256, 3).permute(2, 0, 1).numpy()
    assert np.abs(cut - read_pixels(files[4])).mean() < 0.02


def test_crops_are_resized_as_a_library_does(pictures):
    rng = random.Random(5)
    pictures.bytes["photos"] = torch.randint(0, 256, (5, KEPT, KEPT, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    asked = [replace(v, flip=False, light=(1.0, 0.0)) for k in range(4) for v in views(rng, "photos", k, TILED, 0.5)]
    for v, made in zip(asked, pictures.cut(asked), strict=True):
        x0, y0, x1, y1 = (round(KEPT * f) for f in quarter(v.box, v.block, False))
        part = pictures.bytes["photos"][v.row, y0:y1, x0:x1].permute(2, 0, 1)[None].float()
        want = F.interpolate(part, (256, 256), mode="bicubic", antialias=True)[0].clamp(0, 255)
        assert (made.view(256, 256, 3).permute(2, 0, 1) * 128 + 127 - want).abs().max() < 0.01


@pytest.mark.parametrize("flip", [False, True])
def test_blocks_are_the_quarters_row_by_row(pictures, flip):
    views = [View("photos", 4, WHOLE, flip, block) for block in range(TILED)]
    seen = pictures.cut(views).view(TILED, 256, 256, 3)[1:, 64:192, 64:192].mean((1, 2)) * 128 + 127
    order = [1, 0, 3, 2] if flip else [0, 1, 2, 3]
    want = torch.tensor([list(COLOURS.values())[i] for i in order]).float()
    assert (seen - want).abs().max() < 3
    assert quarter((0.2, 0.0, 1.0, 1.0), 2, flip) == ((0.2, 0.0, 0.6, 0.5) if flip else (0.6, 0.0, 1.0, 0.5))


def test_imagined_pictures_hold_the_words(decoder):
    words = {"dog": 5, "ball": 9, "tree": 11}
    slots = spread("A dog with a ball.", words, random.Random(3))
    assert slots.shape == (16, SLOTS) and {5, 9} & set(slots.reshape(-1).tolist()) <= {5, 9}
    visual = imagined(torch.from_numpy(slots)[None], decoder.embedding, Connector(TINY.width, hidden=8))
    assert visual.shape == (1, 16, TINY.width) and visual.isfinite().all()


def test_fused_attention_and_buckets_change_nothing(decoder, encode):
    prompt = caption_prompt(encode)
    text = [t for t in prompt if t >= 0]
    sequences = [
        Sequence(text[:-1], [], [Branch(text[-1:], encode(a) + [2]) for a in ("a dog", "a red bus")]),
        Sequence(encode("x" * 40), [encode("y" * 30), encode("z" * 20)], [Branch(encode("?"), encode("yes"))]),
    ]
    plain = lay(sequences)
    want = decoder(decoder.embed(plain, None), plain.plan)
    decoder.fused_attention = True
    split = lay(sequences, edges=(plain.plan.groups[0].visible.shape[2] - 1,))
    got = decoder(decoder.embed(split, None), split.plan)
    assert len(split.plan.groups) == len(plain.plan.groups) + 1
    assert torch.allclose(got, want, atol=1e-4)


def test_a_repeated_sentence_costs_only_where_another_picture_got_it():
    captions = [tuple(f"A {w} dog number {k}." for k in range(5)) for w in ("red", "blue")]
    rewards = Rewards(captions, repeat_penalty=0.5)
    text = "A red dog number 1"
    alone = rewards.all([0], [text, text], [True, True])
    assert alone[0] == alone[1] > 0
    assert rewards.all([1], [text], [True])[0] == pytest.approx(Rewards(captions).all([1], [text], [True])[0] - 0.5)
    assert rewards.all([0], [text], [True])[0] == pytest.approx(alone[0] - 0.5)
    assert normalise(text)


def test_both_stages_run_and_are_exported(tmp_path, files, pictures, monkeypatch):
    tokenizer = byte_tokenizer()
    names = list(COLOURS)
    photos = [Photo(i, n, tuple(f"A {n} {w}." for w in ("wall", "sheet", "field", "board", "page"))) for i, n in enumerate(names)] * 2
    asked = [Question(i, n, "what color is it", n) for i, n in enumerate(names)]
    corpus = replace(
        tiny_corpus(lambda t: tokenizer.encode(t).ids), photos=photos[:6], held_photos=photos[6:], questions=asked[:3], held_questions=asked[3:],
        features={}, pictures=pictures, writing=["A red wall beside a page."],
    )  # fmt: skip
    corpus.words = {"wall": 40, "page": 50}
    monkeypatch.setattr(accelerated, "vocabulary", lambda *_: corpus.words)
    parts = {"captions": 2, "vqa": 1, "photo_questions": 1, "timeline": 1, "writing": 2, "chat": 2}
    shared = {
        "base": "tiny", "workers": 1, "compile": False, "steps": 2, "parts": parts, "chat_every": 1, "tiled": 0.5, "timeline_tokens": [60],
        "encoder_from": "block20.expand", "validate_every": 2, "warmup_steps": 1,
    }  # fmt: skip
    one = Config(name="one", **shared)
    two = Config(name="two", stage="scst", init="runs/one/final.pt", pictures=2, asked=2, samples=2, sample_limit=5, answer_limit=4, fewest_captions=1, repeat_penalty=0.1, **shared)
    ended: list[str] = []
    accelerated.run_on_gpu([one, two], tmp_path, tmp_path, corpus, lambda stage: ended.append(stage.run.name))
    assert ended == ["one", "two"]
    log = (tmp_path / "runs/two/log.jsonl").read_text()
    assert '"reward"' in log and '"answers"' in log and '"tiled": true' in log
    model = Decoder(TINY, random_base(TINY), torch.float32)
    manifest = export(tmp_path / "runs/two/final.pt", tmp_path / "pack", model, Connector(TINY.width, tail=open_tail("block20.expand")), True, {})
    assert manifest["training"]["steps"] == 2 and manifest["encoder"]["from"] == "block20.expand"
    shipped, again = Connector(TINY.width, tail=open_tail("block20.expand")), open_tail("block20.expand")
    restore(tmp_path / "runs/two/final.pt", model, shipped, True)
    again.read(tmp_path / "pack/vision/weights/efficientnet-lite2.onnx")
    assert all(torch.allclose(a, b, atol=1e-2) for a, b in zip(shipped.tail.parameters(), again.parameters(), strict=True))
