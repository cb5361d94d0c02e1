"""``hear``: trains an ear and measures whether the decoder can write down what it hears.

First without the decoder (``ear``), then through it. The decoder and its adapter stay as they are: all else that they can do is untouched.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from tokenizers import Tokenizer
from torch import nn

from .ear import Decode, Ear, Spelling, batches, ctc, listen, places
from .generate import generate
from .metrics import word_errors
from .model import Decoder, HeadLoss
from .plan import Branch, Sequence, lay
from .progress import clock
from .prompts import TIMELINE_PREFIX, Encode, answer, timeline_question
from .sounds import Heard, load_states, speech_files, spoken

QUESTION = "What is said?"
LINE = "[00:00] Speech:"
HELD_READ = 200
"""sentences read aloud that are kept out"""


@dataclass
class Run:
    """A run as one TOML file. ``minutes`` without the decoder, then ``decoder_minutes`` through it."""

    name: str
    seed: int = 0
    minutes: float = 60.0
    decoder_minutes: float = 15.0
    threads: int = 2
    batch: int = 48
    decoder_batch: int = 12
    rate: float = 1.2e-3
    decoder_rate: float = 1e-4
    warmup_steps: int = 300
    inner: int = 256
    depth: int = 4
    dropout: float = 0.1
    real_share: float = 0.1
    """how many batches of recordings there are to one of sentences read aloud"""
    least: int = 5
    """how often a token must occur to be heard as one; words with rarer ones are spelt"""
    checkpoint_minutes: float = 5.0


def sequence(encode: Encode, first: int, tokens: int, text: str) -> Sequence:
    """A timeline of one line whose speech is ``tokens`` heard tokens, the ``first`` of which is number so-and-so of the batch."""
    line = [*encode(LINE), *(-1 - i for i in range(first, first + tokens)), *encode("\n")]
    return Sequence(encode(TIMELINE_PREFIX), [line], [Branch(timeline_question(encode, QUESTION), answer(encode, text))])


def decoder_loss(model: Decoder, ear: Ear, log_p: torch.Tensor, lengths: torch.Tensor, texts: list[str], encode: Encode) -> torch.Tensor:
    """What it costs the decoder, an answer token, to write what was said from what the ear hears."""
    soft, sequences, first = [], [], 0
    for row, n, text in zip(log_p, lengths.tolist(), texts, strict=True):
        tokens, mixed = ear.heard(row[:n])
        soft.append(mixed)
        sequences.append(sequence(encode, first, len(tokens), text))
        first += len(tokens)
    laid = lay(sequences)
    h = model(model.embed(laid, torch.cat(soft)), laid.plan)
    labels = torch.from_numpy(laid.labels)
    where = (labels >= 0).nonzero()[:, 0]
    return HeadLoss.apply(h[where], model.head, labels[where], torch.full((len(where),), 1.0 / len(where)), 0.0)


@torch.inference_mode()
def answers(model: Decoder, read: list[torch.Tensor], encode: Encode, decode: Decode, limit: int = 60) -> list[str]:
    """What the decoder says was said, greedily; ``read``: tokens [tokens, width] of each utterance."""
    before, after = encode(TIMELINE_PREFIX) + encode(LINE), encode("\n") + timeline_question(encode, QUESTION)
    out = []
    for mixed in read:
        x = torch.cat([model.embedding[before], mixed.to(model.dtype), model.embedding[after]])[None]
        out.append(decode(generate(model, x, limit)[0]).strip())
    return out


def error_rate(said: list[str], written: list[str]) -> float:
    """Words that are wrong, missing or too many, in per cent of those that were said."""
    pairs = [(spoken(a).split(), spoken(b).split()) for a, b in zip(said, written, strict=True)]
    return 100 * sum(word_errors(a, b) for a, b in pairs) / max(sum(len(a) for a, _ in pairs), 1)


def figures(model: Decoder | None, ear: Ear, heard: list[Heard], spelling: Spelling, encode: Encode, decode: Decode) -> dict[str, float]:
    """Word error rates: of the ear alone; of the decoder that reads what the ear hears; of the decoder that reads what was said."""
    said = [h.text for h in heard]
    found = listen(ear, heard, spelling, decode)
    out = {"ear": error_rate(said, [t for t, _ in found])}
    if model is not None:
        out["decoder_hears"] = error_rate(said, answers(model, [m for _, m in found], encode, decode))
        out["decoder_reads"] = error_rate(said, answers(model, [model.embedding[encode(f" {t}")] for t in said], encode, decode))
    return {k: round(v, 2) for k, v in out.items()}


class Trainer:
    """An ear, its optimizer, and where its run stands."""

    def __init__(self, run: Run, folder: Path, model: Decoder, embedding: torch.Tensor, tokenizer: Tokenizer, read: list[Heard], real: list[Heard]) -> None:
        self.run, self.model, self.decode = run, model, tokenizer.decode
        self.encode: Encode = lambda text: tokenizer.encode(text).ids
        self.spelling = Spelling([h.text for h in [*read, *real]], self.encode, run.least)
        self.ear = Ear(self.spelling.tokens, embedding, run.inner, run.depth, run.dropout, real[0].states.shape[1])
        self.optimizer = torch.optim.AdamW(self.ear.parameters(), run.rate, betas=(0.9, 0.98), weight_decay=0.01)
        self.step, self.elapsed, self.total = 0, 0.0, 60 * (run.minutes + run.decoder_minutes)
        self.folder, self.checkpoint = folder, folder / "checkpoint.pt"
        if self.checkpoint.exists():
            state = torch.load(self.checkpoint, weights_only=True)
            self.ear.load_state_dict(state["ear"])
            self.optimizer.load_state_dict(state["optimizer"])
            self.step, self.elapsed = state["step"], state["elapsed"]
        self.rng = np.random.default_rng([run.seed, self.step])
        self.small = batches(read, real, run.real_share, run.decoder_batch, self.rng)
        self.large = batches(read, real, run.real_share, run.batch, self.rng)

    @property
    def through(self) -> bool:
        """Whether the decoder's turn has come."""
        return self.elapsed >= 60 * self.run.minutes

    def rate(self) -> float:
        """Falls along a cosine in each stage."""
        run, through = self.run, self.through
        share = (self.elapsed - 60 * run.minutes) / (60 * run.decoder_minutes) if through else self.elapsed / (60 * run.minutes)
        rate = run.decoder_rate if through else run.rate
        return rate * max(0.02, 0.5 * (1 + math.cos(math.pi * min(share, 1.0)))) * min(1.0, (self.step + 1) / run.warmup_steps)

    def learn(self) -> tuple[dict[str, float], int]:
        """One step; the parts of its loss, and how many utterances it had."""
        part = next(self.small if self.through else self.large)
        loss, log_p = ctc(self.ear, part, self.spelling, self.rng)
        parts = {"ctc": loss.item()}
        if self.through:
            written = decoder_loss(self.model, self.ear, log_p, torch.tensor([places(h) for h in part]), [h.text for h in part], self.encode)
            parts["decoder"] = written.item()
            loss = 0.5 * loss + written
        loss.backward()
        nn.utils.clip_grad_norm_(self.ear.parameters(), 1.0)
        self.optimizer.param_groups[0]["lr"] = self.rate()
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        self.step += 1
        return parts, len(part)

    def save(self) -> None:
        state = {
            "ear": self.ear.state_dict(), "optimizer": self.optimizer.state_dict(), "step": self.step, "elapsed": self.elapsed,
            "tokens": self.spelling.tokens, "run": asdict(self.run),
        }  # fmt: skip
        torch.save(state, self.checkpoint.with_suffix(".tmp"))
        self.checkpoint.with_suffix(".tmp").rename(self.checkpoint)

    def figures(self, heard: list[Heard], with_decoder: bool) -> dict[str, float]:
        return figures(self.model if with_decoder else None, self.ear, heard, self.spelling, self.encode, self.decode)

    def steps(self) -> Iterator[tuple[dict[str, float], float]]:
        """Until time is up: the loss's parts, averaged, and utterances a second."""
        begun, before, seen, mean = time.monotonic(), self.elapsed, 0, {}
        self.ear.train()
        while self.elapsed < self.total:
            parts, count = self.learn()
            seen += count
            self.elapsed = before + time.monotonic() - begun
            for k, v in parts.items():
                mean[k] = v if k not in mean else 0.95 * mean[k] + 0.05 * v
            yield mean, seen / (time.monotonic() - begun)


def hear(run: Run, work: Path, open_decoder: Callable[[], tuple[Decoder, torch.Tensor, Tokenizer]]) -> dict[str, dict[str, float]]:
    """Trains an ear, or goes on with one, and measures it on LJSpeech's held-out recordings and on sentences read aloud.

    ``open_decoder()`` → (decoder, its embeddings [tokens, width] in float32, tokenizer).
    """
    torch.set_num_threads(run.threads)
    torch.manual_seed(run.seed)
    folder = work / "runs" / run.name
    folder.mkdir(parents=True, exist_ok=True)
    read = [h for f in speech_files(work) for h in load_states(f)]
    held_read, read = read[:HELD_READ], read[HELD_READ:]
    real, held = load_states(work / "speech" / "lj-train.npz"), load_states(work / "speech" / "lj-held.npz")
    t = Trainer(run, folder, *open_decoder(), read, real)
    size = sum(p.numel() for p in t.ear.parameters()) / 1e6
    print(f"{run.name}: {len(read)} sentences read aloud, {len(real)} recordings, {len(t.spelling.tokens)} tokens, {size:.1f} M", flush=True)
    with (folder / "log.jsonl").open("a") as log:

        def note(**row: float) -> None:
            log.write(json.dumps({"step": t.step, "seconds": round(t.elapsed), **row}) + "\n")
            log.flush()
            print(f"{run.name}: step {t.step} {' '.join(f'{k} {v:g}' for k, v in row.items())}, {clock(t.total - t.elapsed)} left", flush=True)

        saved = time.monotonic()
        for mean, speed in t.steps():
            if t.step % 50 == 0:
                note(utterances_per_second=round(speed, 1), **{k: round(v, 3) for k, v in mean.items()})
            if time.monotonic() - saved > 60 * run.checkpoint_minutes:
                t.save()
                note(held_ear=t.figures(held, False)["ear"], read_ear=t.figures(held_read, False)["ear"])
                saved = time.monotonic()
    t.save()
    out = {name: t.figures(h, True) for name, h in (("recordings", held), ("read aloud", held_read[:60]))}
    (folder / "figures.json").write_text(json.dumps(out, indent=1) + "\n")
    return out
