"""``train`` with ``device = "cuda"``: one process, the encoder in every step on fresh crops, and all parts of a step in one flat batch.

The losses, the masks and the schedule are those of a CPU run. What differs is what a GPU is fast at: many sequences at once, pixels
instead of cached features (with the encoder's later layers trained), batches made by processes of their own, the whole vocabulary.
Texts without a picture take part too (``writing``): their words are put into imagined visual tokens (``words.imagined``).
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch.utils.data import DataLoader, IterableDataset

from . import config as configs
from .data import Batch, Corpus, Stream, load_corpus
from .evaluate import caption_texts, captions, exact_match, vqa_texts
from .model import HeadLoss
from .pixels import Pictures, View
from .plan import Laid, Sequence, lay
from .progress import clock
from .prompts import TILED
from .scst import Rewards, sample, sample_answers, seen
from .splits import read_jsonl, vqa_images
from .tail import frozen
from .train import WEIGHTS, Trainer, open_base
from .words import imagined, vocabulary, warm_start

EDGES = (64, 144, 256)
"""captions without a picture, captions, questions about pictures and timelines are padded apart: a fifth of the padding of one group up to 256"""


@dataclass
class Prepared:
    """One step's sequences, laid; ``kinds`` are (name, first, end) of its targets in flat order."""

    laid: Laid
    views: list[View]
    slots: torch.Tensor | None
    seen: torch.Tensor | None
    """of imagined pictures (``Batch``)"""
    where: torch.Tensor
    target: torch.Tensor
    kinds: list[tuple[str, int, int]]


def put_together(parts: dict[str, Batch]) -> Prepared:
    sequences, views, kinds, at = [], [], [], 0
    for name, batch in parts.items():
        first = at
        at += sum(len(b.answer) for s in batch.sequences for b in s.branches)
        kinds.append((name, first, at))
        sequences += batch.sequences
        views += batch.features or []
    laid = lay(sequences, edges=EDGES)
    where = np.flatnonzero(laid.labels >= 0)
    imagined = parts.get("writing")
    slots, seen = (torch.from_numpy(imagined.slots), torch.from_numpy(imagined.seen)) if imagined else (None, None)
    return Prepared(laid, views, slots, seen, torch.from_numpy(where), torch.from_numpy(laid.labels[where]), kinds)


def together(batches: list[Batch]) -> Batch:
    return Batch([s for b in batches for s in b.sequences], [v for b in batches for v in b.features or []], [p for b in batches for p in b.photos])


@dataclass
class Step:
    """What is sampled for (photographs and questions, of a self-critical run), and what is learnt by cross entropy."""

    photographs: Batch | None
    asked: Batch | None
    learnt: Prepared | None


class Feed(IterableDataset):
    """Steps without end."""

    def __init__(self, run: configs.Config, corpus: Corpus, encode) -> None:
        self.run, self.corpus, self.encode = run, corpus, encode

    def __iter__(self) -> Iterator[Step]:
        torch.set_num_threads(1)
        info = torch.utils.data.get_worker_info()
        worker, workers = (info.id, info.num_workers) if info else (0, 1)
        run = self.run
        stream = Stream(self.corpus, self.encode, run.seed, worker, workers, run.timeline_tokens, run.parts.get("vqa", 0), run.tiled, run.tiled_questions)
        step = 0
        while True:
            yield self.one(stream, step)
            step += 1

    def one(self, stream: Stream, step: int) -> Step:
        run, parts, sampled, asked = self.run, {}, None, None
        if run.stage == "scst":
            # one size for all that is generated together
            blocks = stream.blocks("caption")
            sampled = stream.captions(run.pictures, run.fewest_captions >= 5, blocks)
            if run.asked:
                asked = stream.vqa(4, blocks, run.asked)
            if step % run.mixture_every:
                return Step(sampled, asked, None)
        counts = run.parts
        if n := counts.get("captions"):
            parts["captions"] = stream.captions(n)
        if counts.get("vqa"):
            parts["vqa"] = stream.vqa()
        if n := counts.get("photo_questions"):
            parts["photo_questions"] = stream.photo_questions(n)
        if n := counts.get("timeline"):
            parts["timeline"] = together([stream.timeline() for _ in range(n)])
        if n := counts.get("writing"):
            parts["writing"] = stream.writing(n)
        return Step(sampled, asked, put_together(parts) if parts else None)


def first(batch: list) -> object:
    return batch[0]


class Accelerated(Trainer):
    """A trainer whose pictures are pixels on its device."""

    rewards: Rewards | None = None

    def prepare(self, corpus: Corpus) -> None:
        """Nothing: the whole vocabulary is scored, and rewards are opened before the GPU is."""
        self.pictures = corpus.pictures

    def hidden(self, laid: Laid, visual: torch.Tensor | None) -> torch.Tensor:
        return self.model(self.model.embed(laid, visual), laid.plan.to(self.model.device))

    def learn(self, p: Prepared) -> dict[str, torch.Tensor]:
        """Backward pass of one prepared step; the loss of each kind."""
        device, run = self.model.device, self.run
        visual = [self.connector(self.pictures.cut(p.views))] if p.views else []
        if p.slots is not None:
            visual.append(imagined(p.slots.to(device), self.model.embedding, self.connector, p.seen.to(device)))
        h = self.hidden(p.laid, torch.cat(visual) if visual else None)[p.where.to(device)]
        target = p.target.to(device)
        losses = {}
        for name, a, b in p.kinds:
            weight = torch.full((b - a,), 1.0 / max(b - a, 1), device=device)
            losses[name] = HeadLoss.apply(h[a:b], self.model.head, target[a:b], weight, run.label_smoothing)
        sum(loss * WEIGHTS[name] for name, loss in losses.items()).backward()
        return {name: loss.detach() for name, loss in losses.items()}

    def describe(self, batch: Batch) -> float:
        """Backward pass of self-critical training on captions; the mean reward."""
        run, pixels = self.run, self.pictures.cut(batch.features)
        prompt = self.stream.caption[len(batch.sequences[0].images)]
        made = sample(
            self.model, seen(self.connector, pixels), batch, prompt, self.rewards, self.tokenizer.decode, run.samples, run.temperature, run.sample_limit
        )
        return self.criticise(pixels, *made)

    def answer(self, batch: Batch) -> float:
        """The same on questions about pictures; the share of right samples."""
        run, pixels = self.run, self.pictures.cut(batch.features)
        made = sample_answers(
            self.model, self.connector, batch, pixels, self.tokenizer.decode, run.samples, run.temperature, run.answer_limit
        )
        return self.criticise(pixels, *made)

    def criticise(self, pixels: torch.Tensor, sequences: list[Sequence], advantage: np.ndarray, reward: float) -> float:
        run, device = self.run, self.model.device
        laid = lay(sequences, edges=EDGES)
        where = np.flatnonzero(laid.labels >= 0)
        weight = torch.from_numpy(run.reward_weight * advantage[laid.branch_of[where]] / len(where)).float().to(device)
        h = self.hidden(laid, self.connector(pixels))[torch.from_numpy(where).to(device)]
        HeadLoss.apply(h, self.model.head, torch.from_numpy(laid.labels[where]).to(device), weight, 0.0).backward()
        return reward

    def distil_chat(self) -> torch.Tensor:
        laid = lay(self.stream.chat(self.run.parts["chat"]).sequences)
        laid.plan = laid.plan.to(self.model.device)
        loss = self.distil_laid(laid)
        loss.backward()
        return loss.detach()

    def take(self, step: Step) -> dict[str, object]:
        seen: dict[str, object] = {}
        if step.photographs is not None:
            seen["reward"] = self.describe(step.photographs)
        if step.asked is not None:
            seen["answers"] = self.answer(step.asked)
        if step.learnt is not None:
            seen |= self.learn(step.learnt)
        if self.run.parts.get("chat") and self.step % self.run.chat_every == 0:
            seen["chat"] = self.distil_chat()
        return seen


def open_pictures(data: Path, processes: int) -> Pictures:
    files = {"photos": [data / d["file"] for d in read_jsonl(data / "captions.jsonl")], "vqa": [data / f for f in vqa_images(data)]}
    return Pictures(files, processes)


def judged(t: Accelerated, corpus: Corpus, tiled: bool) -> dict[str, float]:
    """Figures of the averaged weights on the validation splits."""
    t.swap()
    blocks = TILED if tiled else 1
    texts = caption_texts(t.model, t.connector, corpus, corpus.held_photos, t.encode, t.tokenizer.decode, 128, blocks=blocks)
    made = captions(corpus.held_photos, texts)
    q = corpus.held_questions
    answers = vqa_texts(t.model, t.connector, corpus, q, t.encode, t.tokenizer.decode, batch=128, blocks=blocks)
    t.swap()
    return {"cider_d": round(made.cider_d, 2), "repeated": made.repeated, "looping": made.looping, "words": round(made.words, 2), "vqa": round(exact_match(q, answers), 2)}


def photo_pixels(corpus: Corpus):
    """What the connector takes for photographs of the training split, cropped anew where a generator is given."""
    stream = Stream(corpus, lambda _: [], 0, 0, 1, [])

    def look(part: list[int], rng: np.random.Generator | None) -> torch.Tensor:
        rows = [corpus.photos[i].row for i in part]
        return corpus.pictures.plain("photos", rows, 1) if rng is None else corpus.pictures.cut([stream.show("photos", r).maps[0] for r in rows])

    return look


@dataclass
class Stage:
    """A run with its processes, which are forked before the GPU is opened."""

    run: configs.Config
    folder: Path
    rewards: Rewards | None
    feed: Iterator


def open_stage(run: configs.Config, folder: Path, corpus: Corpus, encode) -> Stage:
    folder.mkdir(parents=True, exist_ok=True)
    rewards = Rewards([p.captions for p in corpus.photos], run.fewest_captions, run.repeat_penalty, run.readers) if run.stage == "scst" else None
    readers = {"num_workers": run.readers, "prefetch_factor": 4, "multiprocessing_context": "fork"} if run.readers else {}
    return Stage(run, folder, rewards, iter(DataLoader(Feed(run, corpus, encode), batch_size=1, collate_fn=first, **readers)))


def run_on_gpu(runs: list[configs.Config], data: Path, work: Path, corpus: Corpus | None = None, done: Callable[[Stage], None] | None = None) -> None:
    """Runs one after the other; ``done`` is called after each."""
    shape, weights, tokenizer = open_base(runs[0].base, work)
    encode = lambda text: tokenizer.encode(text).ids  # noqa: E731
    if corpus is None:
        corpus = load_corpus(data, work, encode, pictures=open_pictures(data, max(1, runs[0].readers)))
    corpus.words = vocabulary(corpus.photos, tokenizer)
    stages = [open_stage(run, work / "runs" / run.name, corpus, encode) for run in runs]
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    corpus.pictures.to(runs[0].device, frozen(runs[0].encoder_from))
    for stage in stages:
        run_stage(stage, corpus, (shape, weights, tokenizer), work)
        if done is not None:
            done(stage)


def begin(t: Accelerated, stage: Stage, corpus: Corpus, base: tuple, work: Path) -> None:
    """Weights to start from: the run's checkpoint, another run's averages, or the base and visual words."""
    run, checkpoint = stage.run, stage.folder / "checkpoint.pt"
    if checkpoint.exists():
        t.load(checkpoint, True)
    elif run.init:
        t.load(work / run.init, False)
    elif run.warm_minutes:
        warm_start(t.connector, base[1]["token_embd.weight"], base[2], corpus.photos, photo_pixels(corpus), run.warm_minutes, run.seed, batch=128)
        t.reset_average()


def run_stage(stage: Stage, corpus: Corpus, base: tuple, work: Path) -> None:
    run, folder = stage.run, stage.folder
    torch.manual_seed(run.seed)
    random.seed(run.seed)
    t = Accelerated(run, corpus, base, 0)
    t.rewards = stage.rewards
    begin(t, stage, corpus, base, work)
    log = (folder / "log.jsonl").open("a")
    begun, before, first_step, last_save = time.monotonic(), t.elapsed, t.step, time.monotonic()
    mean: dict[str, float] = {}
    waited = 0.0

    def note(**row: object) -> None:
        log.write(json.dumps(row) + "\n")
        log.flush()
        print(f"{run.name}: {' '.join(f'{k} {v:.3f}' if isinstance(v, float) else f'{k} {v}' for k, v in row.items())}", flush=True)

    t.connector.train()
    while True:
        t.elapsed = before + time.monotonic() - begun
        fraction = t.step / run.steps if run.steps else t.elapsed / (run.minutes * 60)
        if fraction >= 1:
            break
        asked = time.monotonic()
        step = next(stage.feed)
        waited += time.monotonic() - asked
        seen = t.take(step)
        norm = t.update(fraction)
        if t.step % 20 == 0 or t.step == 1:
            for k, v in seen.items():
                mean[k] = float(v) if k not in mean else 0.7 * mean[k] + 0.3 * float(v)
            passed = time.monotonic() - begun
            note(step=t.step, seconds=round(t.elapsed), norm=round(norm, 3), each=round(passed / (t.step - first_step), 3), waited=round(waited / (t.step - first_step), 3), **{k: round(v, 4) for k, v in mean.items()})
        if t.step % run.validate_every == 0:
            note(step=t.step, validation=True, **judged(t, corpus, False))
        if time.monotonic() - last_save > run.checkpoint_minutes * 60:
            last_save = time.monotonic()
            t.save_random(folder)
            t.save(folder / "checkpoint.pt")
    t.save_random(folder)
    t.save(folder / "final.pt")
    note(step=t.step, seconds=round(t.elapsed), validation=True, **judged(t, corpus, False))
    if run.tiled:
        note(step=t.step, validation=True, tiled=True, **judged(t, corpus, True))
    print(f"{run.name}: done, {t.step} steps in {clock(t.elapsed)}", flush=True)
