"""A seeded generator of timelines with questions whose answers are known.

Question types: ``fact``, ``keys`` (three facts at once), ``when``, ``said``, ``count``, ``order``, ``at``, ``doing``, ``absent``,
``shown`` (pictures). Lines are those the product writes: ``[mm:ss] text``, ``[mm:ss] Picture: caption``, ``[mm:ss]`` and a picture.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from .derived import doing
from .plan import Branch, Sequence
from .prompts import NOT_FOUND, TIMELINE_PREFIX, Encode, answer, image, stamp, timeline_question

NAMES = """Maple Willow Harbor Falcon Copper Saturn Violet Granite Orchid Thunder Pepper Velvet Cedar Comet Ember Lotus Onyx
Raven Topaz Zephyr Anchor Beacon Cobalt Drift Aurora Basalt Canyon Dolphin Eclipse Fjord Glacier Horizon Indigo Jasper Kestrel
Lantern Meadow Nebula Opal Prairie Quartz Ripple Summit Tundra Umber Vortex Walnut Yonder Zenith Atlas Birch Coral Delta Echo
Flint Grove Heron Iris Juniper Krypton Lava Mango Nova Orion Pine Quill River Sable Tiger Ultra Viper Wren""".split()
PEOPLE = """Anna Boris Carla David Elena Farid Greta Hugo Ines Jonas Kira Liam Mona Nils Olga Pavel Quinn Rosa Sami Tara Umar
Vera Wanda Yusuf Alice Bob Chen Diana Eric Fatima George Hannah Ivan Julia Kevin Laura Mark Nina Oscar Paul Rachel Steve Tom
Ursula Victor William Xenia Zoe Peter Sarah Maria John Emma Lucas Sofia Ahmed Priya Kenji""".split()
COLOURS = "red blue green yellow purple orange silver black white brown pink gold gray turquoise".split()
CITIES = """Paris London Cairo Lima Oslo Madrid Tokyo Delhi Sydney Boston Vienna Athens Dublin Lisbon Prague Rome Berlin Chicago
Toronto Nairobi Seoul Warsaw Helsinki Geneva Mumbai Havana""".split()
PLACES = """bridge museum school library market station garden harbor theater hospital stadium tower castle factory airport church
hotel bakery gallery cinema""".split()
THINGS = """key wallet passport notebook ticket camera umbrella letter suitcase necklace map flashlight guitar laptop envelope medal
ring watch violin painting""".split()
SPOTS = """under the sofa;behind the curtain;in the blue box;on the top shelf;in the kitchen drawer;next to the fireplace;inside the
old piano;in the glove compartment;beneath the doormat;on the window sill;in the attic;behind the clock;in the garage;under the
bed;inside the vase;in the red bag""".replace("\n", " ").split(";")  # fmt: skip
ANIMALS = "dog cat parrot rabbit hamster turtle pony goldfish".split()
PETS = "Biscuit Pepper Milo Luna Rocky Coco Simba Daisy Max Bella Oreo Ginger Shadow Teddy Pumpkin".split()
FOODS = "pizza soup pancakes sushi tacos curry salad lasagna noodles dumplings waffles chili".split()
JOBS = "pilot nurse carpenter teacher dentist baker farmer lawyer painter chemist sailor architect plumber singer".split()
MONTHS = "January February March April May June July August September October November December".split()
DAYS = "Monday Tuesday Wednesday Thursday Friday Saturday Sunday".split()
EVENTS = [
    ("The bell rings.", "does the bell ring", "The bell rings"), ("A whistle blows.", "does a whistle blow", "A whistle blows"),
    ("Someone knocks on the door.", "does someone knock on the door", "Someone knocks on the door"), ("The phone rings.", "does the phone ring", "The phone rings"),
    ("The crowd applauds.", "does the crowd applaud", "The crowd applauds"), ("A car horn sounds.", "does a car horn sound", "A car horn sounds"),
    ("The audience laughs.", "does the audience laugh", "The audience laughs"), ("The lights go out.", "do the lights go out", "The lights go out"),
    ("A dog barks.", "does a dog bark", "A dog barks"), ("The teacher claps.", "does the teacher clap", "The teacher claps"),
    ("The alarm goes off.", "does the alarm go off", "The alarm goes off"), ("The referee stops the game.", "does the referee stop the game", "The referee stops the game"),
]  # fmt: skip
LEADS = ["", "", "", "", "", "Remember this: ", "By the way, ", "As I said, ", "One more thing: ", "Please note: ", "Okay. ", "So, ", "Well, "]
TIMES = ["00", "05", "10", "15", "20", "30", "40", "45", "50"]


@dataclass
class Fact:
    """One statement; ``key`` is what the value is about: two facts of a timeline never share it."""

    kind: str
    key: str
    statement: str
    question: str
    reply: str
    value: str
    about: str
    """what 'What is said about …?' names"""


@dataclass
class Line:
    """``kind`` is utterance, caption or frame; a frame's text is its hidden caption, ``picture`` its feature row."""

    seconds: int
    kind: str
    text: str
    picture: int | None = None


@dataclass
class Asked:
    """One question; ``evidence`` are the lines it rests on, ``value`` what a right answer contains."""

    type: str
    question: str
    reply: str
    values: list[str]
    evidence: list[int] = field(default_factory=list)


@dataclass
class Timeline:
    lines: list[Line]
    asked: list[Asked]


def pick(r: random.Random, *forms: str) -> str:
    return r.choice(forms)


def digits(r: random.Random, n: int) -> str:
    return "".join(r.choice("0123456789") for _ in range(n))


def fact(r: random.Random, kind: str | None = None) -> Fact:
    """A random fact, its statement and its question each in one of several wordings."""
    kind = kind or r.choice(list(KINDS))
    return KINDS[kind](r)


def code(r: random.Random) -> Fact:
    n, v = r.choice(NAMES), digits(r, r.choice([3, 4, 4, 4, 5, 6]))
    what = r.choice(["code", "code", "code", "password", "access code", "secret number", "pin"])
    of = r.choice(["project", "project", "project", "room", "locker", "team", "operation"])
    s = pick(r, f"The {what} for {of} {n} is {v}.", f"The {what} for {of} {n} is {v}.", f"The {what} of {of} {n} is {v}.", f"{of.capitalize()} {n} has the {what} {v}.", f"For {of} {n}, use the {what} {v}.")
    q = pick(r, f"What is the {what} for {of} {n}?", f"What is the {what} for {of} {n}?", f"What is the {what} of {of} {n}?", f"Which {what} does {of} {n} have?", f"Tell me the {what} for {of} {n}.")
    return Fact("code", f"{of} {n}", s, q, f"The {what} for {of} {n} is {v}.", v, f"{of} {n}")


def colour(r: random.Random) -> Fact:
    p, v = r.choice(PEOPLE), r.choice(COLOURS)
    w = r.choice(["colour", "color"])
    s = pick(r, f"{p}'s favourite {w} is {v}.", f"The favorite {w} of {p} is {v}.", f"{p} says that her favorite {w} is {v}.", f"{p} likes {v} more than any other {w}.")
    return Fact("colour", f"colour {p}", s, pick(r, f"What is {p}'s favourite {w}?", f"What is {p}'s favorite {w}?", f"Which {w} does {p} like best?"), f"{p}'s favorite {w} is {v}.", v, f"{p}'s favorite {w}")


def born(r: random.Random) -> Fact:
    p, v = r.choice(PEOPLE), r.choice(CITIES)
    s = pick(r, f"{p} was born in {v}.", f"{p} says she was born in {v}.", f"{p} comes from {v}.", f"{p} grew up in {v}.")
    verb = "was born" if "born" in s else ("comes from" if "comes" in s else "grew up")
    q = {"was born": f"Where was {p} born?", "comes from": f"Where does {p} come from?", "grew up": f"Where did {p} grow up?"}[verb]
    return Fact("born", f"born {p}", s, q, f"{p} {verb} {v}." if verb == "comes from" else f"{p} {verb} in {v}.", v, p)


def opened(r: random.Random) -> Fact:
    t, v = r.choice(PLACES), str(r.randint(1750, 2024))
    s = pick(r, f"The {t} was opened in {v}.", f"The {t} opened in {v}.", f"The {t} was built in {v}.", f"It was in {v} that the {t} was opened.")
    built = "built" in s
    q = f"When was the {t} built?" if built else pick(r, f"When was the {t} opened?", f"In which year was the {t} opened?", f"In what year did the {t} open?")
    return Fact("opened", f"opened {t}", s, q, f"The {t} was {'built' if built else 'opened'} in {v}.", v, f"the {t}")


def cost(r: random.Random) -> Fact:
    t, m = r.choice(PLACES), r.randint(2, 99)
    unit = r.choice(["million dollars", "million euros", "thousand pounds", "dollars"])
    s = pick(r, f"The {t} cost {m} {unit}.", f"The narrator explains that the {t} cost {m} {unit}.", f"They paid {m} {unit} for the {t}.")
    return Fact("cost", f"cost {t}", s, pick(r, f"How much did the {t} cost?", f"What did the {t} cost?"), f"The {t} cost {m} {unit}.", f"{m} {unit}", f"the cost of the {t}")


def meeting(r: random.Random) -> Fact:
    n, v = r.choice(NAMES), f"{r.randint(1, 12)}:{r.choice(TIMES)}"
    s = pick(r, f"The {n} meeting starts at {v}.", f"The {n} meeting begins at {v}.", f"The meeting of team {n} is at {v}.")
    if "team" in s:
        return Fact("meeting", f"meeting {n}", s, f"When is the meeting of team {n}?", f"The meeting of team {n} is at {v}.", v, f"the meeting of team {n}")
    return Fact("meeting", f"meeting {n}", s, pick(r, f"When does the {n} meeting start?", f"At what time does the {n} meeting start?", f"What time is the {n} meeting?"), f"The {n} meeting starts at {v}.", v, f"the {n} meeting")


def hidden(r: random.Random) -> Fact:
    t, v, p = r.choice(THINGS), r.choice(SPOTS), r.choice(PEOPLE)
    s = pick(r, f"The {t} is {v}.", f"{p} put the {t} {v}.", f"The {t} is hidden {v}.", f"You will find the {t} {v}.")
    return Fact("hidden", f"where {t}", s, pick(r, f"Where is the {t}?", f"Where can I find the {t}?", f"Where is the {t} now?"), f"The {t} is {v}.", v, f"the {t}")


def pet(r: random.Random) -> Fact:
    p, a, v = r.choice(PEOPLE), r.choice(ANIMALS), r.choice(PETS)
    s = pick(r, f"{p} has a {a} named {v}.", f"{p}'s {a} is called {v}.", f"The name of {p}'s {a} is {v}.")
    return Fact("pet", f"{p} {a}", s, pick(r, f"What is the name of {p}'s {a}?", f"What is {p}'s {a} called?"), f"{p}'s {a} is called {v}.", v, f"{p}'s {a}")


def job(r: random.Random) -> Fact:
    p, v = r.choice(PEOPLE), r.choice(JOBS)
    art = "an" if v[0] in "aeiou" else "a"
    s = pick(r, f"{p} works as {art} {v}.", f"{p} is {art} {v}.", f"{p} has been {art} {v} for years.")
    return Fact("job", f"job {p}", s, pick(r, f"What is {p}'s job?", f"What does {p} do for a living?", f"What does {p} work as?"), f"{p} works as {art} {v}.", v, f"{p}'s job")


def food(r: random.Random) -> Fact:
    p, v = r.choice(PEOPLE), r.choice(FOODS)
    s = pick(r, f"{p} ordered {v} for dinner.", f"{p} ate {v} for dinner.", f"For dinner, {p} had {v}.")
    return Fact("food", f"dinner {p}", s, pick(r, f"What did {p} have for dinner?", f"What did {p} eat for dinner?"), f"{p} had {v} for dinner.", v, f"{p}'s dinner")


def travel(r: random.Random) -> Fact:
    p, v, d = r.choice(PEOPLE), r.choice(CITIES), r.choice(DAYS + MONTHS)
    on = "on" if d in DAYS else "in"
    if r.random() < 0.5:
        s = pick(r, f"{p} is flying to {v} {on} {d}.", f"{p} will travel to {v} {on} {d}.", f"{on.capitalize()} {d}, {p} travels to {v}.")
        return Fact("travel", f"travel {p}", s, pick(r, f"Where is {p} going {on} {d}?", f"Where does {p} travel {on} {d}?"), f"{p} is going to {v}.", v, f"{p}'s trip")
    s = pick(r, f"{p} is flying to {v} {on} {d}.", f"{p} will travel to {v} {on} {d}.")
    return Fact("travel", f"travel {p}", s, f"When does {p} travel to {v}?", f"{p} travels to {v} {on} {d}.", d, f"{p}'s trip")


def number(r: random.Random) -> Fact:
    t, v = r.choice("bus train flight gate platform apartment table bus".split()), str(r.randint(2, 899))
    p = r.choice(PEOPLE)
    s = pick(r, f"{p} takes {t} number {v}.", f"{p} is waiting for {t} {v}.", f"The {t} number of {p} is {v}.")
    return Fact("number", f"{t} {p}", s, pick(r, f"What is the {t} number of {p}?", f"Which {t} number does {p} have?", f"Which {t} is for {p}?"), f"{p}'s {t} number is {v}.", v, f"{p}'s {t}")


def owner(r: random.Random) -> Fact:
    p, t = r.choice(PEOPLE), r.choice(THINGS)
    s = pick(r, f"The {t} belongs to {p}.", f"{p} bought the {t}.", f"{p} is the owner of the {t}.")
    who = "bought" in s
    return Fact("owner", f"owner {t}", s, f"Who bought the {t}?" if who else pick(r, f"Who owns the {t}?", f"Whose is the {t}?", f"Who does the {t} belong to?"), f"{p} bought the {t}." if who else f"The {t} belongs to {p}.", p, f"the {t}'s owner")


def count_fact(r: random.Random) -> Fact:
    t, n = r.choice(PLACES), r.randint(3, 950)
    what = r.choice(["visitors", "rooms", "windows", "employees", "seats", "steps"])
    s = pick(r, f"The {t} has {n} {what}.", f"There are {n} {what} in the {t}.")
    return Fact("count_fact", f"{what} {t}", s, pick(r, f"How many {what} does the {t} have?", f"How many {what} are there in the {t}?"), f"The {t} has {n} {what}.", str(n), f"the {what} of the {t}")


KINDS = {
    "code": code, "colour": colour, "born": born, "opened": opened, "cost": cost, "meeting": meeting, "hidden": hidden, "pet": pet,
    "job": job, "food": food, "travel": travel, "number": number, "owner": owner, "count_fact": count_fact,
}  # fmt: skip


def joined(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1]


def distinct_facts(r: random.Random, n: int, kind: str | None = None) -> list[Fact]:
    out: dict[str, Fact] = {}
    for _ in range(20 * n):
        if len(out) == n:
            break
        f = fact(r, kind)
        out.setdefault(f.key, f)
    return list(out.values())


def make(
    r: random.Random, sentences: list[str], tokens: int, encode: Encode, pictures: list[tuple[int, str]] | None = None,
    types: tuple[str, ...] | None = None, per_type: int = 2,
) -> Timeline:  # fmt: skip
    """A timeline of about ``tokens`` tokens. ``sentences`` are the material, ``pictures`` (feature row, caption) become frames."""
    pictures = pictures or []
    style = r.random()
    total, items = 0, []
    filler: list[Line] = []
    while total < tokens:
        text = r.choice(sentences).strip().rstrip(".") + "."
        kind = "caption" if style < 0.25 or (style < 0.7 and r.random() < 0.5) else "utterance"
        filler.append(Line(0, kind, text[:1].upper() + text[1:]))
        total += len(encode(text)) + 9 + (2 if kind == "caption" else 0)
    filler += [Line(0, "frame", c, row) for row, c in pictures]
    r.shuffle(filler)
    items = filler
    facts = distinct_facts(r, r.randint(3, 6))
    spare = distinct_facts(r, 8)
    codes = distinct_facts(r, 3, r.choice(["code", "code", "code", "colour", "meeting", "job", "pet", "opened"]))
    taken = {f.key for f in facts}
    codes = [f for f in codes if f.key not in taken]
    taken |= {f.key for f in codes}
    event = r.choice(EVENTS)
    repeats = r.choice([1, 2, 2, 3, 3, 4, 5])
    placed = [Line(0, "utterance", r.choice(LEADS) + f.statement) for f in facts + codes]
    where = {id(line): f for line, f in zip(placed, facts + codes, strict=True)}
    bells = [Line(0, "utterance", event[0]) for _ in range(repeats)]
    for line in placed + bells:
        items.insert(r.randrange(len(items) + 1), line)
    t = r.randint(0, 20) if r.random() < 0.75 else r.randint(0, 9000)
    for line in items:
        t += r.randint(1, 9)
        line.seconds = t
    at = {id(line): i for i, line in enumerate(items)}
    fact_line = {where[id(line)].key: at[id(line)] for line in placed}
    texts = Counter(line.text for line in items)
    unique = [i for i, line in enumerate(items) if texts[line.text] == 1 and line.kind != "frame" and len(line.text) < 100]
    asked: list[Asked] = []
    wanted = types or ("fact", "fact", "keys", "when", "said", "count", "order", "at", "doing", "absent", "shown")

    def add(type_: str, question: str, reply: str, values: list[str], evidence: list[int]) -> None:
        asked.append(Asked(type_, question, reply, values, evidence))

    for type_ in wanted:
        if type_ == "fact":
            for f in r.sample(facts, min(per_type, len(facts))):
                add("fact", f.question, f.reply, [f.value], [fact_line[f.key]])
        elif type_ == "keys" and len(codes) == 3:
            order = r.sample(codes, 3)
            evidence = [fact_line[f.key] for f in order]
            if codes[0].kind == "code" and r.random() < 0.7:
                q = pick(r, f"What are the codes for {joined([f.about for f in order])}?", f"Give me the codes of {joined([f.about for f in order])}.")
                add("keys", q, joined([f"{f.about}: {f.value}" for f in order]) + ".", [f.value for f in order], evidence)
            else:
                add("keys", " ".join(f.question for f in order), " ".join(f.reply for f in order), [f.value for f in order], evidence)
        elif type_ == "when":
            for _ in range(per_type):
                if r.random() < 0.4:
                    f = r.choice(facts)
                    i = fact_line[f.key]
                    q = pick(r, f"When is {f.about} mentioned?", f"When does someone talk about {f.about}?", f"When is this said: {f.statement}")
                    if sum(g.about == f.about for g in facts + codes) > 1:
                        continue
                elif unique:
                    i = r.choice(unique)
                    q = pick(r, "When does this happen: {}", "When is this: {}", "At what time: {}", "When can this be seen or heard: {}").format(items[i].text)
                else:
                    continue
                time = stamp(items[i].seconds)
                add("when", q, f"At {time}.", [time], [i])
        elif type_ == "said":
            f = r.choice(facts)
            if sum(g.about == f.about for g in facts + codes) == 1:
                q = pick(r, f"What is said about {f.about}?", f"What do we learn about {f.about}?", f"What does the video say about {f.about}?")
                add("said", q, f.statement, [f.value], [fact_line[f.key]])
        elif type_ == "count":
            ev = [at[id(b)] for b in bells]
            n = len(ev)
            q = pick(r, f"How many times {event[1]}?", f"How often {event[1]}?")
            add("count", q, f"{n} time{'s' if n > 1 else ''}.", [str(n)], ev)
            if r.random() < 0.3:
                other = r.choice([e for e in EVENTS if e is not event])
                if other[0] not in texts:
                    add("absent", f"How many times {other[1]}?", NOT_FOUND, [NOT_FOUND], [])
        elif type_ == "order":
            a, b = sorted(r.sample([*unique, *fact_line.values()], 2)) if len(unique) > 1 else (0, 0)
            if a != b:
                first, second = items[a].text.rstrip("."), items[b].text.rstrip(".")
                x, y = (first, second) if r.random() < 0.5 else (second, first)
                if r.random() < 0.75:
                    q = pick(r, f'Which comes first: "{x}" or "{y}"?', f'What happens first, "{x}" or "{y}"?', f"Which comes first: (a) {x} (b) {y}?")
                    add("order", q, first + ".", [first], [a, b])
                else:
                    q = pick(r, f'Which comes last: "{x}" or "{y}"?', f'What happens later, "{x}" or "{y}"?')
                    add("order", q, second + ".", [second], [a, b])
            if len(facts) >= 2:
                f, g = r.sample(facts, 2)
                if f.about != g.about:
                    one = f if fact_line[f.key] < fact_line[g.key] else g
                    q = pick(r, f"What is mentioned first, {f.about} or {g.about}?", f"Which is mentioned first: {f.about} or {g.about}?")
                    if sum(h.about in (f.about, g.about) for h in facts + codes) == 2:
                        add("order", q, one.about[:1].upper() + one.about[1:] + ".", [one.about], [fact_line[f.key], fact_line[g.key]])
            if len(items) > 3 and r.random() < 0.5:
                i = r.choice([u for u in unique if u < len(items) - 1] or [0])
                nxt = items[i + 1]
                if nxt.kind != "frame" and i in unique:
                    add("next", f"What comes right after this: {items[i].text}", nxt.text, [nxt.text], [i, i + 1])
        elif type_ == "at" and unique:
            i = r.choice(unique)
            time = stamp(items[i].seconds)
            q = pick(r, f"What happens at {time}?", f"What is said or shown at {time}?", f"What is going on at {time}?")
            add("at", q, items[i].text, [items[i].text], [i])
        elif type_ == "doing":
            acts = [(i, d) for i in unique if (d := doing(items[i].text))]
            solo = [(i, d) for i, d in acts if sum(d[0] in line.text.lower().split() for line in items) == 1]
            for i, (who, what) in r.sample(solo, min(1, len(solo))):
                add("doing", f"What is the {who} doing?", f"The {who} is {what}.", [what], [i])
        elif type_ == "absent":
            free = [f for f in spare if f.key not in taken and all(f.about != g.about for g in facts + codes)]
            # of a kind that is there with another key: the hard case
            near = [f for k in {f.kind for f in facts + codes} for f in [fact(r, k)] if f.key not in taken and all(f.about != g.about for g in facts + codes)]
            for f in r.sample(near, min(1, len(near))) + free[:1]:
                add("absent", f.question, NOT_FOUND, [NOT_FOUND], [])
            if r.random() < 0.3:
                s = r.choice(sentences).strip().rstrip(".") + "."
                if s not in texts:
                    add("absent", f"When does this happen: {s}", NOT_FOUND, [NOT_FOUND], [])
        elif type_ == "shown":
            frames = [i for i, line in enumerate(items) if line.kind == "frame"]
            for i in r.sample(frames, min(per_type, len(frames))):
                time = stamp(items[i].seconds)
                if r.random() < 0.6:
                    add("shown", pick(r, f"What does the picture at {time} show?", f"What can be seen at {time}?", f"What happens at {time}?"), items[i].text, [items[i].text], [i])
                else:
                    add("when", pick(r, f"When can this be seen: {items[i].text}", f"When does this happen: {items[i].text}"), f"At {time}.", [time], [i])
    return Timeline(items, asked)


def encode_lines(timeline: Timeline, encode: Encode) -> tuple[list[list[int]], list[int]]:
    """Token ids of each line and the feature rows of its pictures, in order."""
    out, rows = [], []
    for line in timeline.lines:
        time = stamp(line.seconds)
        if line.kind == "frame":
            out.append(encode(f"[{time}] ") + image(len(rows)) + encode("\n"))
            rows.append(line.picture)
        else:
            out.append(encode(f"[{time}] {'Picture: ' if line.kind == 'caption' else ''}{line.text}\n"))
    return out, rows


def pack(lines: list[list[int]], limit: int) -> tuple[list[list[int]], list[tuple[int, int, int]]]:
    """Whole lines into segments of at most ``limit`` tokens; where each line lies: (segment, start, end)."""
    segments: list[list[int]] = [[]]
    places = []
    for line in lines:
        if segments[-1] and len(segments[-1]) + len(line) > limit:
            segments.append([])
        places.append((len(segments) - 1, len(segments[-1]), len(segments[-1]) + len(line)))
        segments[-1] = segments[-1] + line
    return segments, places


def select(r: random.Random, segments: list[list[int]], needed: set[tuple[int, int]], share: float, page: int = 16) -> list[tuple[int, int, int]]:
    """Pages kept for the questions: those needed, and a share of the others."""
    keep = []
    for s, seg in enumerate(segments):
        for start in range(0, len(seg), page):
            if (s, start // page) in needed or r.random() < share:
                keep.append((s, start, min(start + page, len(seg))))
    return keep


def sequence(r: random.Random, timeline: Timeline, encode: Encode, limit: int, thin: bool, page: int = 16) -> Sequence:
    """The training sequence: segments, then every question as a branch. ``thin`` drops pages as a selector would."""
    lines, rows = encode_lines(timeline, encode)
    segments, places = pack(lines, limit)
    keep = None
    if thin:
        needed = set()
        for a in timeline.asked:
            for i in a.evidence:
                s, start, end = places[i]
                needed |= {(s, p) for p in range(start // page, (end - 1) // page + 1)}
        keep = select(r, segments, needed, r.uniform(0.2, 0.9), page)
    branches = [Branch(timeline_question(encode, a.question), answer(encode, a.reply)) for a in timeline.asked]
    return Sequence(encode(TIMELINE_PREFIX), segments, branches, rows, keep)
