"""``train``: one run of one TOML file.

Two workers with one thread each rather than one with two: on a busy machine a stolen core then costs a wait once a step
instead of at every operation. Gradients are averaged over workers with gloo.
"""

from __future__ import annotations

import json
import math
import os
import random
import time
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from torch import nn

from . import config as configs
from .adapter import load_adapter, trained
from .base import Shape, byte_tokenizer, dtype_of, load_gguf, load_tokenizer, random_base
from .classes import open_classes
from .data import Batch, Corpus, Stream, load_corpus, look_up
from .evaluate import caption_texts
from .metrics import cider_d
from .model import Connector, Decoder, HeadLoss
from .plan import Laid, lay
from .prepare import fetch_base
from .progress import clock
from .scst import Rewards, sample, sample_answers, sample_timeline, seen
from .tail import open_tail
from .tiny import tiny_corpus
from .vocabulary import Vocabulary, active_tokens
from .words import imagined, vocabulary, warm_start

WEIGHTS = {"captions": 1.0, "vqa": 1.0, "photo_questions": 0.5, "timeline": 1.0, "writing": 0.5, "chat": 1.0}
"""what the loss of each part of a step counts"""
ANSWERED = {"vqa_answers": ("vqa", sample_answers, 12), "timeline_answers": ("timeline", sample_timeline, 40)}
"""parts whose answers are sampled and rewarded instead of learnt: what is asked about, how, most tokens of an answer"""
IMAGINED = "imagined_captions"
"""the part in which captions of pictures that nobody has are sampled and rewarded"""
MOST_ASKED = 4
"""questions a picture or timeline that answers are sampled to: all samples attend in one row, whose memory grows with their square"""
TINY = Shape(layers=2, width=48, heads=6, kv_heads=2, head=8, hidden=96, vocabulary=259)


def open_base(kind: str, work: Path):
    """(shape, weights, tokenizer) of ``smollm2`` or ``tiny``."""
    if kind == "tiny":
        return TINY, random_base(TINY), byte_tokenizer()
    path = fetch_base(work)
    return Shape(), load_gguf(path), load_tokenizer(path)


class Trainer:
    """Model, optimizer and averaged weights of one worker."""

    def __init__(self, run: configs.Config, corpus: Corpus, base: tuple, worker: int) -> None:
        shape, weights, tokenizer = base
        self.run, self.worker, self.tokenizer = run, worker, tokenizer
        self.encode = lambda text: tokenizer.encode(text).ids
        self.model = Decoder(shape, weights, dtype_of(run.base), run.rank, run.device)
        classes = open_classes(tokenizer, weights["token_embd.weight"], run.encoder_from) if run.classes else None
        self.connector = Connector(shape.width, dropout=run.dropout, tail=open_tail(run.encoder_from), classes=classes).to(run.device)
        if run.compile:
            self.model.compile()
        self.stream = Stream(corpus, self.encode, run.seed, worker, run.workers, run.timeline_tokens, run.vqa_pictures, run.tiled, run.tiled_questions)
        self.prepare(corpus)
        parts = trained(self.model, self.connector)
        self.optimizer = torch.optim.AdamW(
            [
                {"params": parts["matrices"], "rate": run.rate_connector, "weight_decay": run.connector_decay},
                {"params": parts["vectors"], "rate": run.rate_connector, "weight_decay": 0.0},
                {"params": parts["lora"], "rate": run.rate_lora, "weight_decay": run.weight_decay},
                {"params": parts["tail"], "rate": run.rate_encoder, "weight_decay": run.weight_decay},
            ],
            lr=0.0, betas=(0.9, 0.98), fused=run.device == "cuda",
        )  # fmt: skip
        self.parameters = [p for g in self.optimizer.param_groups for p in g["params"]]
        self.average = [p.detach().clone() for p in self.parameters]
        self.step, self.elapsed = 0, 0.0

    def prepare(self, corpus: Corpus) -> None:
        run = self.run
        probe = Stream(corpus, self.encode, run.seed, 0, 1, run.timeline_tokens)
        active = active_tokens(corpus, self.encode, (probe.timeline() for _ in range(100)))
        self.vocabulary = Vocabulary(self.model, active, run.seed)
        self.rewards = Rewards([p.captions for p in corpus.photos], run.fewest_captions, run.repeat_penalty) if run.stage == "scst" else None
        self.imagined_rewards = Rewards(corpus.groups, 1, run.repeat_penalty) if IMAGINED in run.mixture else None

    def visual(self, batch: Batch) -> torch.Tensor | None:
        if batch.slots is not None:
            seen = torch.from_numpy(batch.seen)
            return imagined(torch.from_numpy(batch.slots), self.model.embedding, self.connector, seen)
        return None if batch.features is None else self.connector(torch.from_numpy(batch.features).float())

    def loss(self, batch: Batch, advantage: np.ndarray | None = None, visual: torch.Tensor | None = None) -> tuple[torch.Tensor, int]:
        """Mean loss over answer tokens and the number of input tokens; with ``advantage`` per branch: policy gradient.

        ``visual``: tokens of pictures that are there already.
        """
        laid = lay(batch.sequences)
        h = self.model(self.model.embed(laid, self.visual(batch) if visual is None else visual), laid.plan)
        labels = torch.from_numpy(laid.labels)
        where = (labels >= 0).nonzero()[:, 0]
        target = labels[where]
        weight = torch.full((len(where),), 1.0 / len(where))
        if advantage is not None:
            weight = weight * torch.from_numpy(advantage[laid.branch_of[where.numpy()]]).float()
            return HeadLoss.apply(h[where], self.model.head, target, weight, 0.0), len(laid.ids)
        index = self.vocabulary.places(target)
        return HeadLoss.apply(h[where], self.vocabulary.head, index, weight, self.run.label_smoothing), len(laid.ids)

    def rewarded(self, part: str) -> tuple[torch.Tensor, int, float]:
        """Loss of what was sampled for a part of the mixture, the number of input tokens, and the mean reward: of answers, the share of right ones."""
        if part == IMAGINED:
            return self.imagined_captions()
        run = self.run
        kind, draw, limit = ANSWERED[part]
        # samples are drawn for all pictures at once: all have as many blocks
        batch = self.stream.vqa(MOST_ASKED, self.stream.blocks("question")) if kind == "vqa" else self.stream.timeline(MOST_ASKED)
        pixels = None if batch.features is None else torch.from_numpy(batch.features).float()
        batch.sequences, advantage, reward = draw(
            self.model, self.connector, batch, pixels, self.tokenizer.decode, run.samples, run.temperature, limit
        )
        return *self.loss(batch, advantage), reward

    def sampled(self, batch: Batch, visual: torch.Tensor, prompt: list[int], rewards: Rewards) -> tuple[np.ndarray, float]:
        """Puts sampled captions in place of the batch's own; returns the advantage of each and the mean reward."""
        run = self.run
        batch.sequences, advantage, reward = sample(
            self.model, visual, batch, prompt, rewards, self.tokenizer.decode, run.samples, run.temperature, run.sample_limit
        )
        return advantage, reward

    def imagined_captions(self) -> tuple[torch.Tensor, int, float]:
        """Loss of captions that were sampled to pictures nobody has, the number of input tokens, and the mean reward."""
        batch = self.stream.imagined(self.run.imagined_pictures)
        with torch.no_grad():
            visual = self.visual(batch)
        advantage, reward = self.sampled(batch, visual, self.stream.caption[1], self.imagined_rewards)
        return *self.loss(batch, advantage, visual), reward

    def distil(self, batch: Batch) -> tuple[torch.Tensor, int]:
        """KL(base ‖ adapted) per token on plain text."""
        laid = lay(batch.sequences)
        return self.distil_laid(laid), 2 * len(laid.ids)

    def distil_laid(self, laid: Laid) -> torch.Tensor:
        x = self.model.embed(laid, None)
        with torch.no_grad():
            self.model.adapted = False
            teacher = (self.model(x, laid.plan) @ self.model.head.T).float().log_softmax(-1)
            self.model.adapted = True
        student = (self.model(x, laid.plan) @ self.model.head.T).float().log_softmax(-1)
        return (teacher.exp() * (teacher - student)).sum(-1).mean()

    def backward(self) -> tuple[dict[str, float], int]:
        """One step's gradients: photographs, and one part of the mixture."""
        run, parts, tokens = self.run, {}, 0
        self.vocabulary.at(self.step)
        if run.stage == "scst" and run.pictures:
            blocks = self.stream.blocks("caption")
            batch = self.stream.captions(run.pictures, run.fewest_captions >= 5, blocks)
            visual = seen(self.connector, torch.from_numpy(batch.features).float())
            advantage, parts["reward"] = self.sampled(batch, visual, self.stream.caption[blocks], self.rewards)
            loss, n = self.loss(batch, advantage)
            loss.backward()
            tokens += n
        elif run.pictures:
            loss, n = self.loss(self.stream.captions(run.pictures))
            loss.backward()
            parts["captions"], tokens = loss.item(), tokens + n
        if run.mixture and self.step % run.mixture_every == 0:
            kind = run.mixture[(self.step // run.mixture_every) % len(run.mixture)]
            if kind in ANSWERED or kind == IMAGINED:
                loss, n, parts[kind] = self.rewarded(kind)
                loss.backward()
                tokens += n
            elif (batch := getattr(self.stream, kind)()).sequences:
                loss, n = self.distil(batch) if kind == "chat" else self.loss(batch)
                (loss * WEIGHTS[kind]).backward()
                parts[kind], tokens = loss.item(), tokens + n
        return parts, tokens

    def synchronise(self, fraction: float) -> float:
        """Average gradients (and the schedule's clock) over workers."""
        if self.run.workers == 1:
            return fraction
        flat = torch.cat([p.grad.reshape(-1) if p.grad is not None else torch.zeros(p.numel()) for p in self.parameters] + [torch.tensor([fraction])])
        dist.all_reduce(flat)
        flat /= self.run.workers
        at = 0
        for p in self.parameters:
            p.grad = flat[at : at + p.numel()].view_as(p)
            at += p.numel()
        return float(flat[-1])

    def update(self, fraction: float) -> float:
        run = self.run
        scale = min(1.0, (self.step + 1) / run.warmup_steps) * max(run.floor, 0.5 * (1 + math.cos(math.pi * min(1.0, fraction))))
        for g in self.optimizer.param_groups:
            g["lr"] = g["rate"] * scale
        norm = nn.utils.clip_grad_norm_(self.parameters, run.clip)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.model.merge()
        self.step += 1
        decay = min(run.ema, self.step / (self.step + 10))
        torch._foreach_lerp_(self.average, [p.detach() for p in self.parameters], 1 - decay)
        return float(norm)

    def swap(self) -> None:
        """Exchange the weights and their average; call again to undo."""
        with torch.no_grad():
            for p, a in zip(self.parameters, self.average, strict=True):
                held = p.detach().clone()
                p.copy_(a)
                a.copy_(held)
        self.model.merge()

    def reset_average(self) -> None:
        for p, a in zip(self.parameters, self.average, strict=True):
            a.copy_(p.detach())

    def save(self, path: Path) -> None:
        """The whole state; written beside and renamed, so that a stop never leaves half a file."""
        state = {
            "connector": self.connector.state_dict(), "lora": self.model.lora.state_dict(), "average": self.average,
            "optimizer": self.optimizer.state_dict(), "step": self.step, "elapsed": self.elapsed, "config": asdict(self.run),
        }  # fmt: skip
        torch.save(state, path.with_suffix(".tmp"))
        path.with_suffix(".tmp").rename(path)

    def save_random(self, folder: Path) -> None:
        state = {"stream": self.stream.state(), "torch": torch.get_rng_state(), "python": random.getstate()}
        torch.save(state, folder / f"random-{self.worker}.pt")

    def load(self, path: Path, everything: bool) -> None:
        """``everything``: resume; otherwise only the averaged weights, as the start of a new run."""
        state = torch.load(path, weights_only=False, map_location="cpu")
        self.connector.load_state_dict({**self.connector.state_dict(), **state["connector"]})
        self.model.lora.load_state_dict(state["lora"])
        with torch.no_grad():
            # the encoder's layers come last: a run that trains them may start from one that did not
            for a, b in zip(self.average, state["average"], strict=everything):
                a.copy_(b)
        if everything:
            self.optimizer.load_state_dict(state["optimizer"])
            self.step, self.elapsed = state["step"], state["elapsed"]
            extra = torch.load(path.parent / f"random-{self.worker}.pt", weights_only=False)
            self.stream.restore(extra["stream"])
            torch.set_rng_state(extra["torch"])
            random.setstate(extra["python"])
        else:
            with torch.no_grad():
                for p, a in zip(self.parameters, self.average, strict=True):
                    p.copy_(a)
        self.model.merge()


def path_of(name: str, work: Path) -> Path:
    """An adapter in the work folder or relative to the current one."""
    return work / name if (work / name).exists() else Path(name)


def validate(t: Trainer, corpus: Corpus, count: int) -> float:
    """CIDEr-D of the averaged weights on the first ``count`` validation photographs (a rough figure while training)."""
    photos = corpus.held_photos[:: max(1, len(corpus.held_photos) // max(count, 1))][:count]
    t.swap()
    texts = caption_texts(t.model, t.connector, corpus, photos, t.encode, t.tokenizer.decode)
    t.swap()
    return cider_d([list(p.captions) for p in photos], texts)


def work_on(worker: int, run: configs.Config, data: Path, work: Path, folder: Path, port: int) -> None:
    """The body of one worker."""
    torch.set_num_threads(run.threads)
    torch.manual_seed(run.seed)
    if run.workers > 1:
        dist.init_process_group("gloo", init_method=f"tcp://127.0.0.1:{port}", rank=worker, world_size=run.workers)
    base = open_base(run.base, work)
    encode = lambda text: base[2].encode(text).ids  # noqa: E731
    corpus = tiny_corpus(encode) if run.base == "tiny" else load_corpus(data, work, encode, run.encoder_from)
    corpus.words = vocabulary(corpus.photos, base[2])
    t = Trainer(run, corpus, base, worker)
    embedding = base[1]["token_embd.weight"] if run.warm_minutes else None
    base = (base[0], {}, base[2])
    checkpoint = folder / "checkpoint.pt"
    lead = worker == 0
    torch.manual_seed(run.seed * 1000 + worker)
    if checkpoint.exists():
        t.load(checkpoint, True)
    elif run.init.endswith(".safetensors"):
        load_adapter(path_of(run.init, work), t.model, t.connector)
        if t.connector.tail is not None and run.encoder:
            t.connector.tail.read(path_of(run.encoder, work))
        t.reset_average()
    elif run.init:
        t.load(work / run.init, False)
    elif run.warm_minutes:
        warm = folder / "warm.pt"
        if lead and not warm.exists():
            look = look_up(corpus.features["photos"].whole, corpus.photos)
            torch.set_num_threads(run.threads * run.workers)
            warm_start(t.connector, embedding, base[2], corpus.photos, look, run.warm_minutes, run.seed, rate_tail=run.rate_encoder)
            torch.set_num_threads(run.threads)
            torch.save(t.connector.state_dict(), warm)
        if run.workers > 1:
            dist.barrier()
        t.connector.load_state_dict(torch.load(warm))
        t.reset_average()
    log = (folder / "log.jsonl").open("a") if lead else None

    def note(**row: object) -> None:
        if log:
            log.write(json.dumps(row) + "\n")
            log.flush()

    begun, before, first = time.monotonic(), t.elapsed, t.step
    last_save, seen, mean = time.monotonic(), 0, {}
    t.connector.train()
    fraction = 0.0
    while True:
        t.elapsed = before + time.monotonic() - begun
        fraction = t.step / run.steps if run.steps else t.elapsed / (run.minutes * 60)
        parts, tokens = t.backward()
        fraction = t.synchronise(fraction)
        if fraction >= 1:
            break
        norm = t.update(fraction)
        seen += tokens
        for k, v in parts.items():
            mean[k] = v if k not in mean else 0.95 * mean[k] + 0.05 * v
        if lead and (t.step % 20 == 0 or t.step == 1):
            passed = time.monotonic() - begun
            left = passed * (run.steps - t.step) / (t.step - first) if run.steps else run.minutes * 60 - t.elapsed
            rate = seen * run.workers / passed
            print(
                f"{run.name}: step {t.step} {' '.join(f'{k} {v:.3f}' for k, v in sorted(mean.items()))} norm {norm:.2f} "
                f"{rate:.0f} tokens/s {passed / (t.step - first):.2f} s/step {clock(t.elapsed)} done, {clock(left)} left",
                flush=True,
            )
            note(step=t.step, seconds=round(t.elapsed), tokens_per_second=round(rate), norm=round(norm, 3), **{k: round(v, 4) for k, v in mean.items()})
        flag = torch.tensor([float(lead and time.monotonic() - last_save > run.checkpoint_minutes * 60)])
        if run.workers > 1:
            dist.broadcast(flag, 0)
        if flag.item():
            last_save = time.monotonic()
            t.save_random(folder)
            if lead:
                t.save(checkpoint)
                score = validate(t, corpus, run.validate_pictures)
                print(f"{run.name}: step {t.step} validation CIDEr-D {score:.1f} ({run.validate_pictures} pictures, averaged weights)", flush=True)
                note(step=t.step, seconds=round(t.elapsed), validation_cider=round(score, 2))
    t.save_random(folder)
    if lead:
        t.save(checkpoint)
        t.save(folder / "final.pt")
        score = validate(t, corpus, run.validate_pictures)
        note(step=t.step, seconds=round(t.elapsed), validation_cider=round(score, 2))
        print(f"{run.name}: done, {t.step} steps, validation CIDEr-D {score:.1f}", flush=True)
    if run.workers > 1:
        dist.barrier()
        dist.destroy_process_group()


KEPT = {
    "MALLOC_MMAP_THRESHOLD_": str(1 << 30), "MALLOC_TRIM_THRESHOLD_": str(8 << 30), "MALLOC_TOP_PAD_": str(256 << 20),
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}  # fmt: skip
"""Environment of workers: memory of tensors is kept, in large pages. Asking the system for it anew each time took half of a step."""


def train(path: Path, data: Path, work: Path) -> Path:
    """Runs (or resumes) the run of a TOML file; returns its folder."""
    run = configs.read(path)
    folder = work / "runs" / run.name
    folder.mkdir(parents=True, exist_ok=True)
    if run.parts:
        from .accelerated import run_on_gpu

        run_on_gpu([run], data, work)
        return folder
    port = 20000 + random.SystemRandom().randrange(20000)
    if run.workers == 1:
        work_on(0, run, data, work, folder, port)
    else:
        os.environ.update({k: v for k, v in KEPT.items() if k not in os.environ})
        mp.spawn(work_on, (run, data, work, folder, port), nprocs=run.workers)
    return folder
