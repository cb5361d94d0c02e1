"""What a run trains on, and one seeded stream of batches per worker."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from . import derived, timelines
from .chat import TRAIN_SPEECH, load_texts
from .features import cache_file, finished, open_cache
from .metrics import normalise
from .plan import Branch, Sequence
from .prompts import Encode, answer, caption_prompt, clean, picture_prefix, picture_question
from .splits import Photo, Question, photo_splits, question_splits, read_jsonl


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
    photo_features: np.ndarray
    photo_variants: int
    vqa_features: np.ndarray
    vqa_variants: int


def load_sentences(data: Path, held: list[Photo]) -> tuple[list[str], list[str]]:
    """(train, validation) sentences for timelines. A sentence about a validation photograph is in neither; one in twenty is held out."""
    banned = {" ".join(normalise(c)) for p in held for c in p.captions}
    train, validation = [], []
    with gzip.open(data / "text-captions.jsonl.gz", "rt", encoding="utf-8") as lines:
        for i, line in enumerate(lines):
            text = json.loads(line)["text"].strip()
            if " ".join(normalise(text)) in banned or not 12 < len(text) < 120:
                continue
            (validation if i % 20 == 0 else train).append(text)
    train += [d["text"] for d in read_jsonl(data / "speech.jsonl")[:TRAIN_SPEECH]] * 20
    return train, validation


def load_corpus(data: Path, work: Path, encode: Encode, layer: str = "") -> Corpus:
    """``layer``: whose inputs the features are; the whole encoder's output by default."""
    photo_cache, vqa_cache = cache_file(work, "photos", layer), cache_file(work, "vqa", layer)
    photos, held_photos = photo_splits(data)
    questions, held_questions = question_splits(data)
    sentences, held_sentences = load_sentences(data, held_photos)
    return Corpus(
        photos, held_photos, questions, held_questions, sentences, held_sentences, load_texts(work / "chat.jsonl", data, encode),
        open_cache(photo_cache), finished(photo_cache), open_cache(vqa_cache), finished(vqa_cache),
    )  # fmt: skip


@dataclass
class Batch:
    sequences: list[Sequence]
    features: np.ndarray | None
    photos: list[int]
    """indices into ``Corpus.photos`` where the batch is of photographs"""


def question_mark(text: str) -> str:
    return text.strip().rstrip("?").strip() + "?"


def vqa_answer(text: str) -> str:
    return text.replace("_", " ").strip()


class Stream:
    """Batches for one worker; all randomness comes from ``rng`` (kept in checkpoints)."""

    def __init__(self, corpus: Corpus, encode: Encode, seed: int, worker: int, workers: int, timeline_tokens: list[int], vqa_pictures: int = 3) -> None:
        self.corpus, self.encode, self.worker, self.workers = corpus, encode, worker, workers
        self.rng = random.Random(f"{seed}-{worker}")
        self.timeline_tokens, self.vqa_pictures = timeline_tokens, vqa_pictures
        self.by_image: dict[int, list[Question]] = {}
        for q in corpus.questions:
            self.by_image.setdefault(q.row, []).append(q)
        self.queues: dict[str, list[int]] = {}
        self.caption = caption_prompt(encode)

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

    def photo_maps(self, picks: list[int]) -> np.ndarray:
        c = self.corpus
        return np.stack([c.photo_features[self.variant(c.photo_variants), c.photos[i].row] for i in picks])

    def captions(self, pictures: int, only_five: bool = False) -> Batch:
        """Photographs with their captions as branches that share the picture."""
        photos = self.corpus.photos
        five = [i for i, p in enumerate(photos) if len(p.captions) >= 5]
        one = [] if only_five else [i for i, p in enumerate(photos) if len(p.captions) < 5]
        if five and one:
            # in proportion to how many there are, so that both pools are passed over alike
            share = round(pictures * len(one) / len(five))
            picks = self.take("five", five, pictures) + self.take("one", one, share)
        else:
            picks = self.take("five", five or one, pictures)
        sequences = [
            Sequence(self.caption[:-1], [], [Branch(self.caption[-1:], answer(self.encode, clean(c))) for c in photos[i].captions[:5]], [k])
            for k, i in enumerate(picks)
        ]
        return Batch(sequences, self.photo_maps(picks), picks)

    def vqa(self, most: int = 9) -> Batch:
        sequences, maps = [], []
        for k, row in enumerate(self.take("vqa", list(self.by_image), self.vqa_pictures)):
            variant = self.rng.choice([0, 0, *range(1, self.corpus.vqa_variants)])
            turn = derived.mirror if variant == 1 else str
            asked = self.rng.sample(self.by_image[row], min(most, len(self.by_image[row])))
            branches = [
                Branch(picture_question(self.encode, turn(question_mark(q.question))), answer(self.encode, turn(vqa_answer(q.answer))))
                for q in asked
            ]
            sequences.append(Sequence(picture_prefix(self.encode), [], branches, [k]))
            maps.append(self.corpus.vqa_features[variant, row])
        return Batch(sequences, np.stack(maps), [])

    def photo_questions(self, pictures: int = 7) -> Batch:
        sequences, picks = [], []
        for i in self.take("photo_questions", list(range(len(self.corpus.photos))), pictures):
            asked = derived.questions(self.corpus.photos[i].captions, self.rng)
            if not asked:
                continue
            branches = [
                Branch(picture_question(self.encode, q), answer(self.encode, a)) for q, a in self.rng.sample(asked, min(4, len(asked)))
            ]
            sequences.append(Sequence(picture_prefix(self.encode), [], branches, [len(picks)]))
            picks.append(i)
        return Batch(sequences, self.photo_maps(picks) if picks else None, picks)

    def timeline(self) -> Batch:
        r = self.rng
        pictures: list[int] = r.sample(range(len(self.corpus.photos)), r.randint(2, 4)) if r.random() < 0.3 else []
        shown = [(k, clean(r.choice(self.corpus.photos[i].captions))) for k, i in enumerate(pictures)]
        made = timelines.make(r, self.corpus.sentences, r.choice(self.timeline_tokens), self.encode, shown)
        if len(made.asked) > 10:
            made.asked = r.sample(made.asked, 10)
        sequence = timelines.sequence(r, made, self.encode, r.choice([64, 128, 256, 256]), r.random() < 0.5)
        maps = self.photo_maps([pictures[k] for k in sequence.images]) if pictures else None
        sequence.images = list(range(len(pictures)))
        return Batch([sequence], maps, [])

    def chat(self, texts: int = 6) -> Batch:
        pool = self.corpus.chat
        sequences = [Sequence(pool[i], [], [], []) for i in self.take("chat", list(range(len(pool))), texts)]
        return Batch(sequences, None, [])


def active_tokens(corpus: Corpus, encode: Encode, stream: Iterator[Batch]) -> set[int]:
    """Token ids that answers can hold: the vocabulary that training scores against (with random others)."""
    out: set[int] = {2}
    for p in corpus.photos:
        for c in p.captions:
            out.update(encode(clean(c)))
    for q in corpus.questions:
        out.update(encode(vqa_answer(q.answer)))
    for text in corpus.sentences[::3]:
        out.update(encode(clean(text)))
    for batch in stream:
        for s in batch.sequences:
            for b in s.branches:
                out.update(b.answer)
    return out
