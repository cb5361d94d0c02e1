"""Golden vectors of the decoder: a plain float32 reference of SmolLM2 with segment pages, written for reading, not for speed.

    python -m tessera_training.golden_decoder GGUF OUT.json [--adapter adapter.safetensors --vision VISION.onnx --pictures A.jpg …]

Pictures' visual tokens go to pictures.f16 beside OUT.json.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import load_file

from .adapter import CLASSES, connector_state
from .base import END, Shape, Weights, load_gguf, load_tokenizer
from .classes import Classes
from .model import Connector
from .prompts import TIMELINE_PREFIX, caption_prompt, chat_prompt, picture_prefix, picture_question, timeline_question
from .vision import read_pixels

STEPS = 32
FORMAT = (
    "Float32 reference over the base GGUF dequantised (Q4_1 and Q8_0 to float32); adapter true: W + 2*(a*b)^T merged. "
    "A sequence is prefix, segments, suffix (token ids; -1-k stands for visual token k). Each segment attends to the prefix and to itself "
    "(causal; its positions start after the prefix). The suffix and the answer attend to prefix and all segments at contiguous positions, keys "
    "rotated at those positions. visual true: token k is v[j] = 0.14*sin(0.7*(k+1) + 0.013*(j+1)*(k+2)), j = 0..575; picture p: it is row 16*p + k of pictures.f16 (float16 [pictures*16, 576]). greedy: the arg max of every step "
    "(it stops after id 2); top5[s]: the five highest [id, logit] of step s, logits rounded to 4 decimals. "
    "tokens: ids of text by the tokenizer, for its own test."
)


def visual_tokens(count: int, width: int) -> torch.Tensor:
    k = torch.arange(count, dtype=torch.float64)[:, None]
    j = torch.arange(width, dtype=torch.float64)[None]
    return (0.14 * torch.sin(0.7 * (k + 1) + 0.013 * (j + 1) * (k + 2))).float()


def rotate(x: torch.Tensor, positions: torch.Tensor, theta: float) -> torch.Tensor:
    """Interleaved pairs (2i, 2i+1) of [heads, T, d]."""
    d = x.shape[-1]
    angle = positions[:, None].float() * theta ** (-torch.arange(0, d, 2, dtype=torch.float32) / d)
    c, s = angle.cos(), angle.sin()
    a, b = x[..., 0::2], x[..., 1::2]
    return torch.stack([a * c - b * s, a * s + b * c], -1).flatten(-2)


class Reference:
    """``run`` feeds embeddings after a context of unrotated keys and values, and returns its own."""

    def __init__(self, weights: Weights, shape: Shape) -> None:
        self.w, self.s = weights, shape

    def norm(self, x: torch.Tensor, name: str) -> torch.Tensor:
        return x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + self.s.eps) * self.w[name]

    def run(self, x: torch.Tensor, context: list | None) -> tuple[torch.Tensor, list]:
        s, w, t = self.s, self.w, x.shape[0]
        new = []
        for i in range(s.layers):
            p = f"blk.{i}."
            h = self.norm(x, p + "attn_norm.weight")
            q = (h @ w[p + "attn_q.weight"].T).view(t, s.heads, s.head).transpose(0, 1)
            k = (h @ w[p + "attn_k.weight"].T).view(t, s.kv_heads, s.head).transpose(0, 1)
            v = (h @ w[p + "attn_v.weight"].T).view(t, s.kv_heads, s.head).transpose(0, 1)
            new.append((k, v))
            if context is not None:
                k, v = torch.cat([context[i][0], k], 1), torch.cat([context[i][1], v], 1)
            total = k.shape[1]
            at = torch.arange(total)
            repeat = s.heads // s.kv_heads
            q, k = rotate(q, at[total - t :], s.theta), rotate(k, at, s.theta)
            scores = q @ k.repeat_interleave(repeat, 0).transpose(1, 2) / s.head**0.5
            scores = scores.masked_fill(~torch.ones(t, total, dtype=torch.bool).tril(total - t), -torch.inf)
            o = scores.softmax(-1) @ v.repeat_interleave(repeat, 0)
            x = x + o.transpose(0, 1).reshape(t, -1) @ w[p + "attn_output.weight"].T
            h = self.norm(x, p + "ffn_norm.weight")
            x = x + self.feed_forward(h, p)
        return x, new

    def feed_forward(self, h: torch.Tensor, prefix: str) -> torch.Tensor:
        w = self.w
        return (F.silu(h @ w[prefix + "ffn_gate.weight"].T) * (h @ w[prefix + "ffn_up.weight"].T)) @ w[prefix + "ffn_down.weight"].T

    def embed(self, ids: list[int], visual: torch.Tensor) -> torch.Tensor:
        return torch.stack([self.w["token_embd.weight"][i] if i >= 0 else visual[-1 - i] for i in ids])

    def logits(self, x: torch.Tensor) -> torch.Tensor:
        return self.norm(x[-1], "output_norm.weight") @ self.w["token_embd.weight"].T


def joined(parts: list[list]) -> list:
    return [tuple(torch.cat([p[i][j] for p in parts], 1) for j in (0, 1)) for i in range(len(parts[0]))]


def greedy(
    ref: Reference, prefix: list[int], segments: list[list[int]], suffix: list[int], steps: int, visual: torch.Tensor | None = None
) -> tuple[list[int], list]:
    visual = visual_tokens(16, ref.s.width) if visual is None else visual
    _, head = ref.run(ref.embed(prefix, visual), None)
    pages = [ref.run(ref.embed(g, visual), head)[1] for g in segments]
    context = joined([head, *pages])
    x, own = ref.run(ref.embed(suffix, visual), context)
    out, top = [], []
    for _ in range(steps):
        logits = ref.logits(x)
        best = logits.topk(5)
        out.append(int(best.indices[0]))
        top.append([[int(i), round(float(v), 4)] for i, v in zip(best.indices, best.values, strict=True)])
        if out[-1] == END:
            break
        context = joined([context, own])
        x, own = ref.run(ref.embed([out[-1]], visual), context)
    return out, top


def merged(weights: Weights, adapter: dict[str, torch.Tensor]) -> Weights:
    out = dict(weights)
    for name, a in adapter.items():
        if name.startswith("lora.") and name.endswith(".a"):
            target = name[5:-2] + ".weight"
            out[target] = weights[target] + 2.0 * (a.float() @ adapter[name[:-2] + ".b"].float()).T
    return out


CHAT = [
    "What is the capital of France?", "Why is the sky blue?", "Write one sentence about the sea.", "Name three fruits.",
    "How many days are there in a week? Answer in one word.", "Who wrote Romeo and Juliet?",
]  # fmt: skip
LINES = [
    "[00:03] A man rides a bicycle along the beach.\n", "[00:07] The code for project Maple is 4821.\n", "[00:12] Two dogs play with a ball.\n",
    "[00:19] Picture: A red bus in front of a church.\n", "[00:25] The meeting starts at 10:30.\n", "[00:31] A woman cuts vegetables in a kitchen.\n",
]  # fmt: skip
SPEECH = [
    "[00:02] Speech: Welcome to the second lesson about bread.\n", "[00:06] Picture: A bowl of flour on a wooden table.\n",
    "[00:11] Speech: First we mix five hundred grams of flour with warm water.\n", "[00:18] Picture: Hands kneading dough.\n",
    "[00:24] Speech: The dough rests for ninety minutes under a cloth.\n", "[00:33] Picture: A man opening an oven.\n",
    "[00:41] Speech: We bake it at two hundred and thirty degrees.\n", "[00:47] Picture: Two loaves of bread on a rack.\n",
]  # fmt: skip
ABOUT_LINES = [
    "What is the code for project Maple?", "When does the meeting start?", "What colour is the bus?", "What is the name of the cat?",
    "What does the man do?", "What is shown at 00:31?", "How many dogs are there?", "When do the dogs play?", "What does the woman do?",
    "Where does the man ride?", "What is in front of the church?", "What happens at 00:12?", "What is the code for project Cedar?",
]  # fmt: skip
ABOUT_SPEECH = [
    "What is the lesson about?", "How long does the dough rest?", "At what temperature is it baked?", "When is the oven opened?",
    "How much flour is used?", "Who won the football match?", "What is on the rack?", "What was said after the dough was kneaded?",
    "What is said about the oven?", "Which ingredient is named first?", "How is the bread cooled?", "Is sugar used?", "What happens at the end?",
    "When is the flour mentioned?",
]  # fmt: skip
ABOUT_PICTURES = [
    "What is in the picture?", "What colour is it?", "Is there a person in the picture?", "Where was this taken?", "How many things are there?",
    "What is behind it?", "What is on the left?",
]  # fmt: skip
TEXTS = ["Hello world", " Don't  stop\n\nnow", "[12:34] It's 3.14, naïve café — 日本\n", "x=10;\ty = [1,2]  # ok"]


def cases(encode, pictures: int) -> list[dict]:
    line = [encode(t) for t in LINES]
    split = [line[0] + line[1] + line[2], line[3] + line[4] + line[5]]
    out = [{"name": f"chat: {q}", "adapter": False, "prefix": chat_prompt(encode, q), "segments": [], "suffix": []} for q in CHAT]
    for q in ("What is the code for project Maple?", "When does the meeting start?"):
        out.append({"name": f"timeline: {q}", "adapter": False, "prefix": encode(TIMELINE_PREFIX), "segments": split, "suffix": timeline_question(encode, q)})
    out.append({"name": "timeline, one line a segment", "adapter": False, "prefix": encode(TIMELINE_PREFIX), "segments": line, "suffix": timeline_question(encode, "What colour is the bus?")})
    out.append({"name": "caption of synthetic visual tokens", "adapter": False, "visual": True, "prefix": caption_prompt(encode), "segments": [], "suffix": []})
    out.append({"name": "question on synthetic visual tokens", "adapter": False, "visual": True, "prefix": picture_prefix(encode), "segments": [], "suffix": picture_question(encode, "What is on the table?")})
    out.append({"name": "adapter: caption of synthetic visual tokens", "adapter": True, "visual": True, "prefix": caption_prompt(encode), "segments": [], "suffix": []})
    out.append({"name": "adapter: timeline", "adapter": True, "prefix": encode(TIMELINE_PREFIX), "segments": split, "suffix": timeline_question(encode, "What is the code for project Maple?")})
    for q in CHAT[1:4]:
        out.append({"name": f"adapter: chat: {q}", "adapter": True, "prefix": chat_prompt(encode, q), "segments": [], "suffix": []})
    talk = [sum((encode(t) for t in SPEECH[i : i + 2]), []) for i in range(0, len(SPEECH), 2)]
    for segments, questions in ((split, ABOUT_LINES), (talk, ABOUT_SPEECH)):
        for q in questions:
            out.append({"name": f"adapter: timeline: {q}", "adapter": True, "prefix": encode(TIMELINE_PREFIX), "segments": segments, "suffix": timeline_question(encode, q)})
    for p in range(pictures):
        shown = {"adapter": True, "picture": p, "segments": []}
        out.append({"name": f"adapter: caption of picture {p}", **shown, "prefix": caption_prompt(encode), "suffix": []})
        for q in ABOUT_PICTURES:
            out.append({"name": f"adapter: picture {p}: {q}", **shown, "prefix": picture_prefix(encode), "suffix": picture_question(encode, q)})
    for c in out:
        if not c["suffix"]:
            c["prefix"], c["suffix"] = c["prefix"][:-1], c["prefix"][-1:]
    return out


def picture_tokens(files: list[Path], vision: Path, adapter: dict[str, torch.Tensor]) -> torch.Tensor:
    """[pictures, 16, 576] by the exported encoder and the adapter's connector, rounded to float16."""
    if not files:
        return torch.zeros(0, 16, Shape().width)
    import onnxruntime as ort

    session = ort.InferenceSession(vision, providers=["CPUExecutionProvider"])
    connector = Connector(classes=Classes() if CLASSES.keys() <= adapter.keys() else None)
    connector.load_state_dict({**connector.state_dict(), **connector_state(adapter, connector.classes is not None)})
    connector.eval()
    with torch.inference_mode():
        seen = [session.run(None, {session.get_inputs()[0].name: read_pixels(f, None, False)[None]}) for f in files]
        features, *classes = (torch.from_numpy(np.concatenate(each)) for each in zip(*seen, strict=True))
        return connector(features.flatten(2).transpose(1, 2), *classes).half().float()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("gguf", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--adapter", type=Path)
    parser.add_argument("--vision", type=Path, help="EfficientNet-Lite2, for --pictures")
    parser.add_argument("--pictures", type=Path, nargs="*", default=[])
    parser.add_argument("--keep", action="store_true", help="write only the adapter's entries anew")
    args = parser.parse_args()
    weights, tokenizer = load_gguf(args.gguf), load_tokenizer(args.gguf)
    encode = lambda text: tokenizer.encode(text).ids  # noqa: E731
    adapter = load_file(args.adapter) if args.adapter else {}
    plain, adapted = Reference(weights, Shape()), Reference(merged(weights, adapter), Shape())
    known = {e["name"]: e for e in json.loads(args.out.read_text())["entries"] if not e["adapter"]} if args.out.exists() and args.keep else {}
    entries = []
    made = visual_tokens(16, plain.s.width)
    pictures = picture_tokens(args.pictures, args.vision, adapter)
    if args.pictures:
        pictures.numpy().astype(np.float16).tofile(args.out.parent / "pictures.f16")
    with torch.inference_mode():
        for case in cases(encode, len(pictures)):
            if case["adapter"] and not adapter:
                continue
            if case["name"] in known:
                entries.append(known[case["name"]])
                continue
            ids, top = greedy(adapted if case["adapter"] else plain, case["prefix"], case["segments"], case["suffix"], STEPS, pictures[case["picture"]] if "picture" in case else made)
            entries.append({**case, "greedy": ids, "text": tokenizer.decode(ids), "top5": top})
            print(case["name"], "→", entries[-1]["text"][:100].replace("\n", " "), flush=True)
    tokens = [{"text": t, "ids": encode(t)} for t in [*TEXTS, *LINES[:2]]]
    head = {"format": FORMAT, "base": args.gguf.name, "adapter_sha256": sha(args.adapter) if args.adapter else None, "tokens": tokens}
    body = ",\n".join("  " + json.dumps(e, ensure_ascii=False) for e in entries)
    text = json.dumps(head, ensure_ascii=False, indent=1)[:-2] + ',\n "entries": [\n' + body + "\n ]\n}\n"
    json.loads(text)
    args.out.parent.mkdir(parents=True, exist_ok=True)
    args.out.write_text(text)


def sha(path: Path) -> str:
    from .prepare import sha256

    return sha256(path)


if __name__ == "__main__":
    main()
