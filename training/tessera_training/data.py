"""What a run trains on, and one seeded stream of batches per worker."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch

from . import derived, timelines
from .chat import TRAIN_SPEECH, load_texts
from .classes import class_words
from .features import Features, read_features
from .metrics import normalise
from .pixels import Pictures, View, views
from .plan import Branch, Sequence
from .prompts import TILED, Encode, answer, caption_prompt, clean, picture_prefix, picture_question
from .splits import Photo, Question, photo_splits, question_splits, read_jsonl
from .words import gist, glimpse, spread


@dataclass
class Corpus:
    """Everything in memory but the feature maps."""

    photos: list[Photo]
    held_photos: list[Photo]
    questions: list[Question]
    held_questions: list[Question]
    sentences: list[str]
    held_sentences: list[str]
    chat: list[list[int]]
    features: dict[str, Features] = field(default_factory=dict)
    """of ``photos`` and ``vqa``, where they are cached"""
    pictures: Pictures | None = None
    """pixels instead of features, where the encoder runs in every step"""
    writing: list[str] = field(default_factory=list)
    """captions without pictures"""
    groups: list[tuple[str, ...]] = field(default_factory=list)
    """captions of one picture each by several people, without the picture"""
    words: dict[str, int] = field(default_factory=dict)
    """frequent words of captions that are one token"""

    def plain(self, collection: str, rows: list[int], blocks: int = 1) -> torch.Tensor:
        """What the connector takes for unchanged pictures: [rows · blocks, cells, channels]."""
        if self.pictures is not None:
            return self.pictures.plain(collection, rows, blocks)
        maps = [m for r in rows for m in self.features[collection].maps(0, r, blocks)]
        return torch.from_numpy(np.stack(maps).astype(np.float32))


def text_captions(data: Path, held: list[Photo]) -> list[tuple[int, str, str]]:
    """(line, source, text) of captions without pictures; none about a validation photograph."""
    banned = {" ".join(normalise(c)) for p in held for c in p.captions}
    with gzip.open(data / "text-captions.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [(i, r["source"], t) for i, r in enumerate(rows) if " ".join(normalise(t := r["text"].strip())) not in banned]


def load_groups(texts: list[tuple[int, str, str]]) -> list[tuple[str, ...]]:
    """Flickr8k's captions of one picture each; where one is missing, as of a validation photograph, all are left out.

    They stand in adjacent lines, five to a picture, in the order of the alphabet.
    """
    groups: list[list[tuple[int, str]]] = [[]]
    for line, source, text in texts:
        if source != "flickr8k":
            continue
        last = groups[-1]
        if last and (len(last) == 5 or line != last[-1][0] + 1 or text.lower() < last[-1][1].lower()):
            groups.append([])
        groups[-1].append((line, text))
    return [tuple(t for _, t in g) for g in groups if len(g) == 5]


def load_sentences(data: Path, texts: list[tuple[int, str, str]]) -> tuple[list[str], list[str]]:
    """(train, validation) sentences for timelines; one in twenty is held out."""
    train, validation = [], []
    for i, _, text in texts:
        if 12 < len(text) < 120:
            (validation if i % 20 == 0 else train).append(text)
    train += [d["text"] for d in read_jsonl(data / "speech.jsonl")[:TRAIN_SPEECH]] * 20
    return train, validation


def load_writing(texts: list[tuple[int, str, str]]) -> list[str]:
    """Captions of COCO and Flickr without their pictures."""
    return [t for _, source, t in texts if source.startswith(("coco", "flickr")) and 20 < len(t) < 110]


def load_corpus(data: Path, work: Path, encode: Encode, layer: str = "", pictures: Pictures | None = None) -> Corpus:
    """``layer``: whose inputs the features are; the whole encoder's output by default. ``pictures``: pixels in place of features."""
    photos, held_photos = photo_splits(data)
    texts = text_captions(data, held_photos)
    corpus = Corpus(
        photos, held_photos, *question_splits(data), *load_sentences(data, texts), load_texts(work / "chat.jsonl", data, encode),
        pictures=pictures, writing=load_writing(texts), groups=load_groups(texts),
    )  # fmt: skip
    if pictures is None:
        corpus.features = {name: read_features(work, name, layer) for name in ("photos", "vqa")}
    return corpus


@dataclass
class Batch:
    sequences: list[Sequence]
    features: np.ndarray | list[View] | None
    photos: list[int]
    """indices into ``Corpus.photos`` where the batch is of photographs"""
    slots: np.ndarray | None = None
    """words of visual tokens that are imagined in place of pictures: [texts, 16, SLOTS]"""
    seen: np.ndarray | None = None
    """what a classifier would see in them: [texts, CLASSES_SEEN, 2]"""
    asked: list[timelines.Asked] = field(default_factory=list)
    """the questions of the branches, where they are about a timeline"""


@dataclass
class Shown:
    """One picture as a batch shows it."""

    maps: list
    """a feature map, or the views of its blocks"""
    mirrored: bool


def mirrored(features: np.ndarray) -> np.ndarray:
    """[..., cells, channels] of the mirror image, nearly: what the encoder sees is turned instead of the picture."""
    side = round(features.shape[-2] ** 0.5)
    grid = features.reshape(*features.shape[:-2], side, side, features.shape[-1])
    return np.ascontiguousarray(grid[..., ::-1, :]).reshape(features.shape)


def turned_over(maps: list[np.ndarray]) -> list[np.ndarray]:
    """The blocks of the mirror image: quarters change sides too."""
    order = [0] if len(maps) == 1 else [0, 2, 1, 4, 3]
    return [mirrored(maps[b]) for b in order]


def look_up(features: np.ndarray, photos: list[Photo]) -> Callable[[list[int], np.random.Generator | None], torch.Tensor]:
    """Cached feature maps of photographs, in random variants where a generator is given."""

    def look(part: list[int], rng: np.random.Generator | None) -> torch.Tensor:
        drawn = rng.integers(0, len(features), len(part)) if rng is not None else [0] * len(part)
        maps = np.stack([features[v, photos[i].row] for v, i in zip(drawn, part, strict=True)])
        if rng is not None:
            turned = rng.random(len(part)) < 0.5
            maps[turned] = mirrored(maps[turned])
        return torch.from_numpy(maps).float()

    return look


def question_mark(text: str) -> str:
    return text.strip().rstrip("?").strip() + "?"


def vqa_answer(text: str) -> str:
    return text.replace("_", " ").strip()


class Stream:
    """Batches for one worker; all randomness comes from ``rng`` (kept in checkpoints)."""

    def __init__(
        self, corpus: Corpus, encode: Encode, seed: int, worker: int, workers: int, timeline_tokens: list[int], vqa_pictures: int = 3, tiled: float = 0.0,
        tiled_questions: float | None = None,
    ) -> None:  # fmt: skip
        self.corpus, self.encode, self.worker, self.workers = corpus, encode, worker, workers
        self.tiled = {"caption": tiled, "question": tiled if tiled_questions is None else tiled_questions}
        self.rng = random.Random(f"{seed}-{worker}")
        self.timeline_tokens, self.vqa_pictures = timeline_tokens, vqa_pictures
        self.by_image: dict[int, list[Question]] = {}
        for q in corpus.questions:
            self.by_image.setdefault(q.row, []).append(q)
        self.queues: dict[str, list[int]] = {}
        self.caption = {n: caption_prompt(encode, n) for n in (1, TILED)}
        self.classes = {word: number for number, word in enumerate(class_words())}

    def state(self) -> object:
        return self.rng.getstate(), self.queues

    def restore(self, state: object) -> None:
        self.rng.setstate(state[0])
        self.queues = state[1]

    def take(self, name: str, pool: list[int], count: int) -> list[int]:
        """The next ``count`` of an endless shuffled pass over the pool."""
        queue = self.queues.setdefault(name, [])
        while len(queue) < count:
            fresh = pool[self.worker :: self.workers] if len(pool) > 50 * self.workers else list(pool)
            self.rng.shuffle(fresh)
            queue.extend(fresh)
        out, self.queues[name] = queue[:count], queue[count:]
        return out

    def variant(self, available: int) -> int:
        return 0 if self.rng.random() < 0.25 else self.rng.randrange(available)

    def show(self, collection: str, row: int, blocks: int = 1) -> Shown:
        """A picture in a random variant; of questions, which name sides, crops cut little."""
        c, asked = self.corpus, collection == "vqa"
        if c.pictures is not None:
            made = views(self.rng, collection, row, blocks, 0.85 if asked else 0.7)
            return Shown(list(made), made[0].flip)
        turned = self.rng.random() < 0.5
        features = c.features[collection]
        if blocks > 1:
            variant = self.rng.choice(features.quartered)
        elif asked:
            variant = self.rng.choice([0, 0, *range(1, len(features.whole))])
        else:
            variant = self.variant(len(features.whole))
        maps = features.maps(variant, row, blocks)
        return Shown(turned_over(maps) if turned else maps, (variant == 1) != turned)

    def blocks(self, prompt: str) -> int:
        share = self.tiled[prompt]
        return TILED if share and self.rng.random() < share else 1

    def gather(self, shown: list[Shown]) -> np.ndarray | list[View]:
        maps = [m for s in shown for m in s.maps]
        return maps if self.corpus.pictures is not None else np.stack(maps)

    def captions(self, pictures: int, only_five: bool = False, blocks: int = 0) -> Batch:
        """Photographs with their captions as branches that share the picture; ``blocks`` of each picture, drawn where 0."""
        photos = self.corpus.photos
        five = [i for i, p in enumerate(photos) if len(p.captions) >= 5]
        one = [] if only_five else [i for i, p in enumerate(photos) if len(p.captions) < 5]
        if five and one:
            # in proportion to how many there are, so that both pools are passed over alike
            share = round(pictures * len(one) / len(five))
            picks = self.take("five", five, pictures) + self.take("one", one, share)
        else:
            picks = self.take("five", five or one, pictures)
        shown = [self.show("photos", photos[i].row, blocks or self.blocks("caption")) for i in picks]
        sequences = []
        for i, s in zip(picks, shown, strict=True):
            prompt = self.caption[len(s.maps)]
            branches = [Branch(prompt[-1:], answer(self.encode, clean(c))) for c in photos[i].captions[:5]]
            sequences.append(Sequence(prompt[:-1], [], branches, list(range(len(s.maps)))))
        return Batch(sequences, self.gather(shown), picks)

    def vqa(self, most: int = 9, blocks: int = 0, pictures: int = 0) -> Batch:
        """Pictures with questions as branches that share the picture; ``blocks`` of each picture, drawn where 0; ``pictures``, or the run's."""
        sequences, shown = [], []
        for row in self.take("vqa", list(self.by_image), pictures or self.vqa_pictures):
            s = self.show("vqa", row, blocks or self.blocks("question"))
            turn = derived.mirror if s.mirrored else str
            asked = self.rng.sample(self.by_image[row], min(most, len(self.by_image[row])))
            branches = [
                Branch(picture_question(self.encode, turn(question_mark(q.question))), answer(self.encode, turn(vqa_answer(q.answer))))
                for q in asked
            ]
            sequences.append(Sequence(picture_prefix(self.encode, len(s.maps)), [], branches, list(range(len(s.maps)))))
            shown.append(s)
        return Batch(sequences, self.gather(shown), [])

    def photo_questions(self, pictures: int = 7) -> Batch:
        sequences, picks, shown = [], [], []
        for i in self.take("photo_questions", list(range(len(self.corpus.photos))), pictures):
            asked = derived.questions(self.corpus.photos[i].captions, self.rng)
            if not asked:
                continue
            branches = [
                Branch(picture_question(self.encode, q), answer(self.encode, a)) for q, a in self.rng.sample(asked, min(4, len(asked)))
            ]
            s = self.show("photos", self.corpus.photos[i].row, self.blocks("question"))
            sequences.append(Sequence(picture_prefix(self.encode, len(s.maps)), [], branches, list(range(len(s.maps)))))
            picks.append(i)
            shown.append(s)
        return Batch(sequences, self.gather(shown) if picks else None, picks)

    def timeline(self, most: int = 10) -> Batch:
        r = self.rng
        pictures: list[int] = r.sample(range(len(self.corpus.photos)), r.randint(2, 4)) if r.random() < 0.3 else []
        shown = [(k, clean(r.choice(self.corpus.photos[i].captions))) for k, i in enumerate(pictures)]
        made = timelines.make(r, self.corpus.sentences, r.choice(self.timeline_tokens), self.encode, shown)
        if len(made.asked) > most:
            made.asked = r.sample(made.asked, most)
        sequence = timelines.sequence(r, made, self.encode, r.choice([64, 128, 256, 256]), r.random() < 0.5)
        maps = self.gather([self.show("photos", self.corpus.photos[pictures[k]].row) for k in sequence.images]) if pictures else None
        sequence.images = list(range(len(pictures)))
        return Batch([sequence], maps, [], asked=made.asked)

    def writing(self, texts: int = 32) -> Batch:
        """Captions of pictures that are not there, with the words that their imagined visual tokens hold."""
        chosen = [self.rng.choice(self.corpus.writing) for _ in range(texts)]
        prompt = self.caption[1]
        sequences = [Sequence(prompt[:-1], [], [Branch(prompt[-1:], answer(self.encode, clean(t)))], [0]) for t in chosen]
        slots = np.stack([spread(t, self.corpus.words, self.rng) for t in chosen])
        return Batch(sequences, None, [], slots, np.stack([glimpse(t, self.classes, self.rng) for t in chosen]))

    def imagined(self, pictures: int) -> Batch:
        """Pictures that nobody has, by what several captions say of each; captions are still to be written."""
        picks = self.take("imagined", list(range(len(self.corpus.groups))), pictures)
        gists = [gist(self.corpus.groups[i], self.rng) for i in picks]
        slots = np.stack([spread(t, self.corpus.words, self.rng) for t in gists])
        sequences = [Sequence(self.caption[1][:-1], [], [], [0]) for _ in picks]
        return Batch(sequences, None, picks, slots, np.stack([glimpse(t, self.classes, self.rng) for t in gists]))

    def chat(self, texts: int = 6) -> Batch:
        pool = self.corpus.chat
        sequences = [Sequence(pool[i], [], [], []) for i in self.take("chat", list(range(len(pool))), texts)]
        return Batch(sequences, None, [])
