"""``evaluate``: captions, picture questions, timelines and chat perplexity of an adapter, on the validation splits.

Timelines are answered as the product answers: segments prefilled alone, pages of 16 tokens scored per layer and key head by
their share of phase-free attention (log-sum-exp), the best kept up to a budget, contiguous positions.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np
import torch
import torch.nn.functional as F

from . import metrics, timelines
from .beams import side_by_side
from .chat import TRAIN_SPEECH
from .data import Corpus, question_mark, vqa_answer
from .generate import embed_prompts, generate
from .model import Connector, Decoder, hide, rms, rotate, swiglu
from .plan import Sequence, lay
from .prompts import TIMELINE_PREFIX, Encode, caption_prompt, picture_prefix, picture_question, timeline_question
from .splits import Photo, Question

CAPTION_LIMIT = 28
Decode = Callable[[list[int]], str]


@torch.inference_mode()
def caption_texts(
    model: Decoder, connector: Connector, corpus: Corpus, photos: list[Photo], encode: Encode, decode: Decode, batch: int = 32,
    limit: int = CAPTION_LIMIT, blocks: int = 1, beams: int = 1, presence: float = 0.0,
) -> list[str]:  # fmt: skip
    """Captions of photographs, plain; ``blocks``: 16 visual tokens each, or ``TILED`` times as many. Greedy unless there are ``beams``, or a penalty."""
    training = connector.training
    connector.eval()
    prompt = caption_prompt(encode, blocks)
    out = []
    for start in range(0, len(photos), batch):
        part = photos[start : start + batch]
        visual = connector(corpus.plain("photos", [p.row for p in part], blocks))
        x, pad = embed_prompts(model, [prompt] * len(part), visual.view(len(part), -1, visual.shape[-1]))
        alone = beams == 1 and presence == 0
        written = generate(model, x, limit, pad=pad) if alone else side_by_side(model, x, limit, beams, presence, pad)
        out += [decode(ids).strip() for ids in written]
    connector.train(training)
    return out


@dataclass
class Captions:
    pictures: int
    cider_d: float
    bleu4: float
    rouge_l: float
    repeated: float
    looping: float
    words: float


def captions(photos: list[Photo], texts: list[str]) -> Captions:
    refs = [list(p.captions) for p in photos]
    loops = 100 * sum(map(metrics.looping, texts)) / len(texts)
    words = sum(len(metrics.normalise(t)) for t in texts) / len(texts)
    return Captions(
        len(texts), metrics.cider_d(refs, texts), metrics.bleu4(refs, texts), metrics.rouge_l(refs, texts), metrics.repeated(texts), loops, words
    )


@torch.inference_mode()
def vqa_texts(
    model: Decoder, connector: Connector, corpus: Corpus, questions: list[Question], encode: Encode, decode: Decode,
    blank: bool = False, batch: int = 32, limit: int = 16, blocks: int = 1,
) -> list[str]:  # fmt: skip
    """Greedy answers; ``blank`` shows zeros instead of the picture."""
    training = connector.training
    connector.eval()
    out = []
    for start in range(0, len(questions), batch):
        part = questions[start : start + batch]
        visual = connector(corpus.plain("vqa", [q.row for q in part], blocks) * (0.0 if blank else 1.0))
        visual = visual.view(len(part), -1, visual.shape[-1])
        prompts = [picture_prefix(encode, blocks) + picture_question(encode, question_mark(q.question)) for q in part]
        x, pad = embed_prompts(model, prompts, visual)
        out += [decode(ids).strip() for ids in generate(model, x, limit, pad=pad)]
    connector.train(training)
    return out


def exact_match(questions: list[Question], texts: list[str]) -> float:
    return 100 * sum(metrics.exact(t, vqa_answer(q.answer)) for q, t in zip(questions, texts, strict=True)) / max(len(texts), 1)


@torch.inference_mode()
def perplexity(model: Decoder, texts: list[str], encode: Encode, adapted: bool) -> float:
    """Of plain texts, without any prompt, per token."""
    nll, count = 0.0, 0
    before, model.adapted = model.adapted, adapted
    for start in range(0, len(texts), 8):
        ids = [encode(t) for t in texts[start : start + 8]]
        laid = lay([Sequence(i, [], []) for i in ids])
        h = model(model.embed(laid, None), laid.plan)
        at = 0
        for i in ids:
            logits = (h[at : at + len(i) - 1] @ model.head.T).float()
            nll += F.cross_entropy(logits, torch.tensor(i[1:]), reduction="sum").item()
            count += len(i) - 1
            at += len(i)
    model.adapted = before
    return float(np.exp(nll / max(count, 1)))


def chat_ratio(model: Decoder, speech: list[str], encode: Encode) -> dict[str, float]:
    """Perplexity against the base model on the texts that were not distilled on, and on all."""
    held = speech[TRAIN_SPEECH:]
    out = {}
    for name, texts in (("held", held), ("all", speech)):
        base, ours = perplexity(model, texts, encode, False), perplexity(model, texts, encode, True)
        out |= {f"{name}_base": base, f"{name}_ours": ours, f"{name}_ratio": ours / base}
    return out


@dataclass
class Memory:
    """Unrotated keys and values of prefix and segments, per layer [kv_heads, T, head]; the prefix is the first ``prefix`` tokens."""

    keys: list[torch.Tensor]
    values: list[torch.Tensor]
    prefix: int


PAGE = 16


def layers(model: Decoder, x: torch.Tensor, context: Callable[[int, torch.Tensor], tuple[torch.Tensor, torch.Tensor]] | None):
    """[B, T, width] after a context of unrotated keys and values [·, kv_heads, C, head]; returns hidden states and new keys, values."""
    s = model.shape
    batch, t, _ = x.shape
    new = []
    repeat = s.heads // s.kv_heads
    for i, layer in enumerate(model.layers):
        w = layer.merged if model.adapted else layer.frozen
        q, k, v = (p.unflatten(-1, (-1, s.head)).transpose(1, 2) for p in model.split(rms(x, layer.attn_norm, s.eps) @ w["qkv"].T))
        new.append((k, v))
        if context is not None:
            ck, cv = context(i, q)
            k, v = torch.cat([ck.expand(batch, -1, -1, -1), k], 2), torch.cat([cv.expand(batch, -1, -1, -1), v], 2)
        total = k.shape[2]
        cos, sin = model.phase(torch.arange(total)[None])
        flat = lambda y: y.transpose(1, 2).flatten(2)  # noqa: E731
        k = rotate(flat(k), cos, sin, s.kv_heads)
        q = rotate(flat(q), cos[:, :, total - t :], sin[:, :, total - t :], s.heads) * s.head**-0.5
        scores = (q.reshape(batch, s.kv_heads, repeat * t, s.head) @ k.transpose(2, 3)).unflatten(2, (repeat, t))
        visible = torch.ones(t, total, dtype=torch.bool).tril(total - t)
        p = (scores + hide(visible, scores.dtype)).softmax(-1).flatten(2, 3)
        o = (p @ v).view(batch, s.heads, t, s.head).transpose(1, 2).reshape(batch, t, s.width)
        x = x + o @ w["output"].T
        x = x + swiglu(rms(x, layer.ffn_norm, s.eps) @ w["gate_up"].T) @ w["down"].T
    return rms(x, model.output_norm, s.eps), new


@torch.inference_mode()
def prefill(model: Decoder, prefix: list[int], segments: list[list[int]], batch: int = 8) -> Memory:
    """Every segment alone after the prefix; a segment's last page may be short."""
    embed = lambda ids: model.embedding[torch.tensor(ids)]  # noqa: E731
    _, head = layers(model, embed(prefix)[None], None)
    keys = [[k[0]] for k, _ in head]
    values = [[v[0]] for _, v in head]
    for start in range(0, len(segments), batch):
        part = segments[start : start + batch]
        longest = max(map(len, part))
        x = embed([g + [0] * (longest - len(g)) for g in part])
        _, new = layers(model, x, lambda i, _: head[i])
        for i, (k, v) in enumerate(new):
            for b, g in enumerate(part):
                keys[i].append(k[b, :, : len(g)])
                values[i].append(v[b, :, : len(g)])
    return Memory([torch.cat(k, 1) for k in keys], [torch.cat(v, 1) for v in values], len(prefix))


def page_starts(segments: list[list[int]], prefix: int) -> torch.Tensor:
    """First token of every page, in the memory's order; pages do not cross segments."""
    out, at = [], prefix
    for g in segments:
        out += range(at, at + len(g), PAGE)
        at += len(g)
    return torch.tensor(out)


@torch.inference_mode()
def ask(model: Decoder, memory: Memory, starts: torch.Tensor, question: list[int], budget: int, limit: int = 48) -> list[int]:
    """Greedy answer over the selected pages (all, where they fit the budget)."""
    s = model.shape
    total = memory.keys[0].shape[1]
    bounds = torch.cat([starts, torch.tensor([total])])
    page_of = torch.repeat_interleave(torch.arange(len(starts)), bounds.diff())
    chosen: dict[int, tuple[torch.Tensor, torch.Tensor]] = {}
    everything = total - memory.prefix <= budget

    def context(i: int, q: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        k, v = memory.keys[i], memory.values[i]
        if everything:
            chosen[i] = (k[None], v[None])
            return chosen[i]
        grouped = q[0].reshape(s.kv_heads, -1, s.head) * s.head**-0.5
        scores = (grouped @ k[:, memory.prefix :].transpose(1, 2)).float()
        mass = torch.zeros(*scores.shape[:2], len(starts)).index_add_(2, page_of, scores.softmax(-1))
        best = mass.amax(1).topk(min(budget // PAGE, len(starts)), -1).indices.sort(-1).values
        ks, vs = [], []
        for h in range(s.kv_heads):
            token = torch.cat([torch.arange(memory.prefix)] + [torch.arange(bounds[p], bounds[p] + PAGE).clamp_max(bounds[p + 1] - 1) for p in best[h].tolist()])
            ks.append(k[h, token])
            vs.append(v[h, token])
        shortest = min(map(len, ks))
        chosen[i] = (torch.stack([y[:shortest] for y in ks])[None], torch.stack([y[:shortest] for y in vs])[None])
        return chosen[i]

    h, own = layers(model, model.embedding[torch.tensor(question)][None], context)
    out: list[int] = []
    for _ in range(limit):
        n = int((h[0, -1] @ model.head.T).argmax())
        if n == 2:
            break
        out.append(n)
        for i, (k, v) in enumerate(own):
            chosen[i] = (torch.cat([chosen[i][0], k], 2), torch.cat([chosen[i][1], v], 2))
        h, own = layers(model, model.embedding[torch.tensor([n])][None], lambda i, _: chosen[i])
    return out


@dataclass
class LongResult:
    type: str
    tokens: int
    right: int
    asked: int
    failures: list[tuple[str, str, str]]


def long_media(
    model: Decoder, corpus: Corpus, encode: Encode, decode: Decode, tokens: int, timelines_count: int, budget: int, seed: int = 77,
    types: tuple[str, ...] = ("fact", "fact", "keys", "when", "said", "count", "order", "at", "absent"),
) -> list[LongResult]:  # fmt: skip
    """Accuracy per question type over held-out sentences."""
    results: dict[str, LongResult] = {}
    for n in range(timelines_count):
        r = random.Random(f"{seed}-{tokens}-{n}")
        made = timelines.make(r, corpus.held_sentences, tokens, encode, types=types)
        lines, _ = timelines.encode_lines(made, encode)
        segments, _ = timelines.pack(lines, 256)
        memory = prefill(model, encode(TIMELINE_PREFIX), segments)
        starts = page_starts(segments, memory.prefix)
        for a in made.asked:
            text = decode(ask(model, memory, starts, timeline_question(encode, a.question), budget))
            row = results.setdefault(a.type, LongResult(a.type, tokens, 0, 0, []))
            row.asked += 1
            if metrics.holds(text, a.values):
                row.right += 1
            else:
                row.failures.append((a.question, text, a.reply))
    return list(results.values())


def evaluate(
    model: Decoder, connector: Connector, corpus: Corpus, speech: list[str], encode: Encode, decode: Decode, what: list[str],
    lengths: list[tuple[int, int]], budget: int, blocks: int = 1, beams: int = 1, presence: float = 0.0,
) -> dict:  # fmt: skip
    """The figures asked for, as plain data; ``lengths`` are (tokens, timelines); pictures are seen in ``blocks``; captions are written as ``caption_texts`` does."""
    out: dict = {}
    if "captions" in what:
        texts = caption_texts(model, connector, corpus, corpus.held_photos, encode, decode, blocks=blocks, beams=beams, presence=presence)
        out["captions"] = asdict(captions(corpus.held_photos, texts))
        coco = [i for i, p in enumerate(corpus.held_photos) if "coco" in p.file]
        if 0 < len(coco) < len(texts):
            out["captions_coco"] = asdict(captions([corpus.held_photos[i] for i in coco], [texts[i] for i in coco]))
        out["caption_texts"] = texts
        print({k: v for k, v in out.items() if k != "caption_texts"}, flush=True)
    if "vqa" in what:
        q = corpus.held_questions
        texts = vqa_texts(model, connector, corpus, q, encode, decode, blocks=blocks)
        blank = vqa_texts(model, connector, corpus, q, encode, decode, blank=True, blocks=blocks)
        out["vqa"] = {"questions": len(q), "exact_match": exact_match(q, texts), "blank_pictures": exact_match(q, blank)}
        out["vqa_texts"] = texts
        print(out["vqa"], flush=True)
    if "chat" in what:
        out["chat"] = chat_ratio(model, speech, encode)
        print(out["chat"], flush=True)
    if "long" in what:
        out["long"] = []
        for tokens, count in lengths:
            rows = long_media(model, corpus, encode, decode, tokens, count, budget)
            out["long"] += [asdict(r) for r in rows]
            print(tokens, {r.type: f"{r.right}/{r.asked}" for r in rows}, flush=True)
    return out


