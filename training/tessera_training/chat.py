"""Plain conversation that keeps the base model's language: its own answers to everyday requests, and a half of the speech texts.

The trainer distils the base into the adapted model on these texts. The other half of the speech texts measures what is lost.
"""

from __future__ import annotations

import json
from pathlib import Path

import torch

from .generate import embed_prompts, generate
from .model import Decoder
from .prompts import Encode, chat_prompt
from .splits import read_jsonl

TRAIN_SPEECH = 60
REQUESTS = """What is the capital of France?|Explain how a bicycle works.|Write a short poem about the sea.|Why is the sky blue?|Give me three tips for sleeping better.
Who was Marie Curie?|How do I boil an egg?|Tell me a short story about a fox.|What is photosynthesis?|Write a polite email asking for a day off.|Name five fruits.
What causes earthquakes?|Summarise the idea of evolution in two sentences.|How can I learn a new language?|What is the difference between weather and climate?
Describe a busy market.|Write a Python function that adds two numbers.|What are the primary colors?|How does a refrigerator work?|Give me a recipe for pancakes.
What is the largest planet?|Write a paragraph about the history of printing.|Explain gravity to a child.|What should I pack for a hiking trip?|Who wrote Romeo and Juliet?
What is inflation?|Describe the life of a medieval monk.|How do vaccines work?|Tell me about the Roman Empire.|What is a haiku? Give an example.
Write a paragraph about prisons in the nineteenth century.|How do I start a garden?|What are the benefits of reading?|Explain what an algorithm is.|Write a letter to an old friend.
What is the speed of light?|How do birds fly?|Describe a castle on a hill.|What is democracy?|Give advice to a new teacher.|Write about the art of bookbinding.
What is the water cycle?|Who invented the telephone?|Tell me a fun fact about octopuses.|How is glass made?|What is the purpose of a trial in court?
Write a paragraph about a train journey.|What are the seasons of the year?|How does the heart work?|Describe your favourite season.|What is a metaphor?
Explain the rules of chess briefly.|Write a product description for a lamp.|What are good habits for students?|How do computers store numbers?|What is a volcano?
Tell me about the invention of the printing press.|Write a speech for a birthday.|How can a city reduce traffic?|What is jazz?""".replace("\n", "|").split("|")  # fmt: skip


def write_texts(model: Decoder, encode: Encode, decode, out: Path, per_request: int = 3, limit: int = 80, seed: int = 0) -> None:
    """One JSON line per text: token ids and where the answer starts."""
    generator = torch.Generator().manual_seed(seed)
    model.adapted = False
    with out.open("w") as file:
        for start in range(0, len(REQUESTS), 20):
            prompts = [chat_prompt(encode, q) for q in REQUESTS[start : start + 20]]
            x, pad = embed_prompts(model, prompts)
            answers = generate(model, x, limit, per_request, 0.7, pad, generator)
            for i, ids in enumerate(answers):
                prompt = prompts[i // per_request]
                file.write(json.dumps({"ids": prompt + ids, "from": len(prompt), "text": decode(ids)}) + "\n")
    model.adapted = True


def load_texts(path: Path, data: Path | None, encode: Encode) -> list[list[int]]:
    """Token ids to distil on."""
    texts = [d["ids"][:140] for d in read_jsonl(path)] if path.exists() else []
    if data is not None:
        texts += [encode(d["text"]) for d in read_jsonl(data / "speech.jsonl")[:TRAIN_SPEECH]] * 2
    return [t for t in texts if len(t) > 4]
