"""Questions that captions answer: is there, how many, what colour, what is … doing, what room, what animal."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path

SAME: dict[str, set[str]] = {o: set(others) for o, others in json.loads(Path(__file__).with_name("objects.json").read_text()).items()}
"""things that captions name, with other words for them"""
OBJECTS = list(SAME)
ANIMALS = "dog cat horse cow sheep elephant bear zebra giraffe bird".split()
ROOMS = ["kitchen", "bathroom", "bedroom", "living room", "office"]
COLOURS = "red blue green yellow purple orange silver black white brown pink gray grey".split()
NUMBERS = {"two": "2", "three": "3", "four": "4", "five": "5", "six": "6"}
DOERS = "man woman boy girl person child dog cat horse bird baby lady guy player elephant bear".split()
PLURAL = re.compile(r"\b(two|three|four|five|six)\s+((?:\w+\s+)?)(men|women|people|children|sheep|\w+s)\b")
COLOUR = re.compile(rf"\b({'|'.join(COLOURS)})\s+({'|'.join(OBJECTS)})\b")
DOING = re.compile(rf"\b({'|'.join(DOERS)})\s+(?:is\s+|that is\s+)?(\w+ing\b[^.,;]*)")
NOT_VERBS = {"wedding", "building", "ceiling", "king", "ring", "string", "thing", "morning", "evening", "during", "clothing", "wing"}

QA = tuple[str, str]


def words(text: str) -> set[str]:
    found = set(re.findall(r"[a-z]+", text.lower()))
    return found | {w[:-1] for w in found if w.endswith("s")}


def article(noun: str) -> str:
    return "an" if noun[0] in "aeiou" else "a"


def doing(caption: str) -> tuple[str, str] | None:
    """('man', 'riding a wave on a surfboard') of a caption that says so."""
    found = DOING.search(caption.lower().strip().rstrip("."))
    if not found or found[2].split()[0] in NOT_VERBS or len(found[2].split()) < 2:
        return None
    return found[1], found[2].strip()


def questions(captions: tuple[str, ...], rng: random.Random) -> list[QA]:
    """All questions about one picture; negatives only where several captions describe it."""
    text = " . ".join(captions).lower()
    seen = words(text)
    out: list[QA] = []
    present = [o for o in OBJECTS if o in seen]
    forms = ["Is there {a} {o} in the picture?", "Can you see {a} {o}?", "Does the picture show {a} {o}?", "Is there {a} {o}?"]

    def ask(o: str) -> str:
        return rng.choice(forms).format(a=article(o), o=o)

    picked = rng.sample(present, min(2, len(present)))
    out += [(ask(o), "yes") for o in picked]
    if len(captions) >= 5 and picked:
        absent = [o for o in OBJECTS if o not in seen and not (SAME.get(o, set()) & seen)]
        out += [(ask(o), "no") for o in rng.sample(absent, min(len(picked), len(absent)))]
    colours = {(m[1], m[0]) for m in COLOUR.findall(text)}
    for noun, colour in sorted(colours):
        if len({c for n, c in colours if n == noun}) == 1:
            out.append((f"What color is the {noun}?", colour.replace("grey", "gray")))
    for number, _, noun in PLURAL.findall(text)[:1]:
        out.append((f"How many {noun} are there?", NUMBERS[number]))
    actions = [a for c in captions if (a := doing(c))]
    if actions:
        who, what = rng.choice(actions)
        out.append((f"What is the {who} doing?", what))
    animals = [a for a in ANIMALS if a in seen]
    if len(animals) == 1:
        out.append(("What animal is in the picture?", animals[0]))
    rooms = [r for r in ROOMS if r in text]
    if len(rooms) == 1:
        out.append(("What room is this?", rooms[0]))
    return out


def mirror(text: str) -> str:
    """Left and right exchanged, for mirrored pictures."""
    swap = {"left": "right", "right": "left"}
    return re.sub(r"\b(left|right)\b", lambda m: swap[m[0]], text)
