"""A seeded generator of timelines with questions whose answers are known.

Question types: ``fact``, ``keys`` (three facts at once), ``when``, ``said``, ``count``, ``order``, ``at``, ``doing``, ``absent``,
``shown`` (pictures). Lines are those the product writes: ``[mm:ss] text``, ``[mm:ss] Picture: caption``, ``[mm:ss]`` and a picture.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

from .derived import doing
from .facts import Fact, distinct_facts, fact, joined, pick
from .plan import Branch, Sequence
from .prompts import NOT_FOUND, TIMELINE_PREFIX, Encode, answer, image, stamp, timeline_question

EVENTS = [
    ("The bell rings.", "does the bell ring", "The bell rings"), ("A whistle blows.", "does a whistle blow", "A whistle blows"),
    ("Someone knocks on the door.", "does someone knock on the door", "Someone knocks on the door"), ("The phone rings.", "does the phone ring", "The phone rings"),
    ("The crowd applauds.", "does the crowd applaud", "The crowd applauds"), ("A car horn sounds.", "does a car horn sound", "A car horn sounds"),
    ("The audience laughs.", "does the audience laugh", "The audience laughs"), ("The lights go out.", "do the lights go out", "The lights go out"),
    ("A dog barks.", "does a dog bark", "A dog barks"), ("The teacher claps.", "does the teacher clap", "The teacher claps"),
    ("The alarm goes off.", "does the alarm go off", "The alarm goes off"), ("The referee stops the game.", "does the referee stop the game", "The referee stops the game"),
]  # fmt: skip
LEADS = ["", "", "", "", "", "Remember this: ", "By the way, ", "As I said, ", "One more thing: ", "Please note: ", "Okay. ", "So, ", "Well, "]


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


@dataclass
class Scene:
    """A timeline that is complete, and what its questions are made of."""

    r: random.Random
    lines: list[Line]
    sentences: list[str]
    per_type: int
    facts: list[Fact]
    codes: list[Fact]
    """three facts of one kind"""
    spare: list[Fact]
    """facts that may be missing"""
    line_of: dict[str, int]
    """where each fact is told, by its key"""
    event: tuple[str, str, str]
    bells: list[int]
    """lines in which the event happens"""
    asked: list[Asked] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.texts = Counter(line.text for line in self.lines)
        self.unique = [i for i, line in enumerate(self.lines) if self.texts[line.text] == 1 and line.kind != "frame" and len(line.text) < 100]

    @property
    def told(self) -> list[Fact]:
        return self.facts + self.codes

    def ask(self, type_: str) -> None:
        """Adds the questions of one type that the timeline has an answer for (or, ``absent``, certainly none)."""
        getattr(self, f"ask_{type_}")()

    def add(self, type_: str, question: str, reply: str, values: list[str], evidence: list[int]) -> None:
        self.asked.append(Asked(type_, question, reply, values, evidence))

    def ask_fact(self) -> None:
        for f in self.r.sample(self.facts, min(self.per_type, len(self.facts))):
            self.add("fact", f.question, f.reply, [f.value], [self.line_of[f.key]])

    def ask_keys(self) -> None:
        if len(self.codes) != 3:
            return
        order = self.r.sample(self.codes, 3)
        values, evidence = [f.value for f in order], [self.line_of[f.key] for f in order]
        if self.codes[0].kind == "code" and self.r.random() < 0.7:
            names = joined([f.about for f in order])
            q = pick(self.r, f"What are the codes for {names}?", f"Give me the codes of {names}.")
            self.add("keys", q, joined([f"{f.about}: {f.value}" for f in order]) + ".", values, evidence)
        else:
            self.add("keys", " ".join(f.question for f in order), " ".join(f.reply for f in order), values, evidence)

    def ask_when(self) -> None:
        for _ in range(self.per_type):
            if self.r.random() < 0.4:
                f = self.r.choice(self.facts)
                i = self.line_of[f.key]
                q = pick(self.r, f"When is {f.about} mentioned?", f"When does someone talk about {f.about}?", f"When is this said: {f.statement}")
                if sum(g.about == f.about for g in self.told) > 1:
                    continue
            elif self.unique:
                i = self.r.choice(self.unique)
                forms = ("When does this happen: {}", "When is this: {}", "At what time: {}", "When can this be seen or heard: {}")
                q = pick(self.r, *forms).format(self.lines[i].text)
            else:
                continue
            time = stamp(self.lines[i].seconds)
            self.add("when", q, f"At {time}.", [time], [i])

    def ask_said(self) -> None:
        f = self.r.choice(self.facts)
        if sum(g.about == f.about for g in self.told) == 1:
            q = pick(self.r, f"What is said about {f.about}?", f"What do we learn about {f.about}?", f"What does the video say about {f.about}?")
            self.add("said", q, f.statement, [f.value], [self.line_of[f.key]])

    def ask_count(self) -> None:
        n = len(self.bells)
        q = pick(self.r, f"How many times {self.event[1]}?", f"How often {self.event[1]}?")
        self.add("count", q, f"{n} time{'s' if n > 1 else ''}.", [str(n)], self.bells)
        if self.r.random() < 0.3:
            other = self.r.choice([e for e in EVENTS if e is not self.event])
            if other[0] not in self.texts:
                self.add("absent", f"How many times {other[1]}?", NOT_FOUND, [NOT_FOUND], [])

    def ask_order(self) -> None:
        """Two lines, two facts, and what comes next to one line."""
        r = self.r
        a, b = sorted(r.sample([*self.unique, *self.line_of.values()], 2)) if len(self.unique) > 1 else (0, 0)
        if a != b:
            first, second = self.lines[a].text.rstrip("."), self.lines[b].text.rstrip(".")
            x, y = (first, second) if r.random() < 0.5 else (second, first)
            if r.random() < 0.75:
                q = pick(r, f'Which comes first: "{x}" or "{y}"?', f'What happens first, "{x}" or "{y}"?', f"Which comes first: (a) {x} (b) {y}?")
                self.add("order", q, first + ".", [first], [a, b])
            else:
                q = pick(r, f'Which comes last: "{x}" or "{y}"?', f'What happens later, "{x}" or "{y}"?')
                self.add("order", q, second + ".", [second], [a, b])
        if len(self.facts) >= 2:
            self.ask_which_fact_first()
        if len(self.lines) > 3 and r.random() < 0.5:
            self.ask_next()

    def ask_which_fact_first(self) -> None:
        f, g = self.r.sample(self.facts, 2)
        if f.about == g.about:
            return
        one = f if self.line_of[f.key] < self.line_of[g.key] else g
        q = pick(self.r, f"What is mentioned first, {f.about} or {g.about}?", f"Which is mentioned first: {f.about} or {g.about}?")
        if sum(h.about in (f.about, g.about) for h in self.told) == 2:
            self.add("order", q, one.about[:1].upper() + one.about[1:] + ".", [one.about], [self.line_of[f.key], self.line_of[g.key]])

    def ask_next(self) -> None:
        i = self.r.choice([u for u in self.unique if u < len(self.lines) - 1] or [0])
        after = self.lines[i + 1]
        if after.kind != "frame" and i in self.unique:
            self.add("next", f"What comes right after this: {self.lines[i].text}", after.text, [after.text], [i, i + 1])

    def ask_at(self) -> None:
        if not self.unique:
            return
        i = self.r.choice(self.unique)
        time, text = stamp(self.lines[i].seconds), self.lines[i].text
        self.add("at", pick(self.r, f"What happens at {time}?", f"What is said or shown at {time}?", f"What is going on at {time}?"), text, [text], [i])

    def ask_doing(self) -> None:
        acts = [(i, d) for i in self.unique if (d := doing(self.lines[i].text))]
        solo = [(i, d) for i, d in acts if sum(d[0] in line.text.lower().split() for line in self.lines) == 1]
        for i, (who, what) in self.r.sample(solo, min(1, len(solo))):
            self.add("doing", f"What is the {who} doing?", f"The {who} is {what}.", [what], [i])

    def ask_absent(self) -> None:
        missing = lambda f: f.key not in self.line_of and all(f.about != g.about for g in self.told)  # noqa: E731
        free = [f for f in self.spare if missing(f)]
        # of a kind that is there with another key: the hard case
        near = [f for k in sorted({f.kind for f in self.told}) for f in [fact(self.r, k)] if missing(f)]
        for f in self.r.sample(near, min(1, len(near))) + free[:1]:
            self.add("absent", f.question, NOT_FOUND, [NOT_FOUND], [])
        if self.r.random() < 0.3:
            text = sentence(self.r, self.sentences)
            if text not in self.texts:
                self.add("absent", f"When does this happen: {text}", NOT_FOUND, [NOT_FOUND], [])

    def ask_shown(self) -> None:
        frames = [i for i, line in enumerate(self.lines) if line.kind == "frame"]
        for i in self.r.sample(frames, min(self.per_type, len(frames))):
            time, text = stamp(self.lines[i].seconds), self.lines[i].text
            if self.r.random() < 0.6:
                q = pick(self.r, f"What does the picture at {time} show?", f"What can be seen at {time}?", f"What happens at {time}?")
                self.add("shown", q, text, [text], [i])
            else:
                self.add("when", pick(self.r, f"When can this be seen: {text}", f"When does this happen: {text}"), f"At {time}.", [time], [i])


TYPES = ("fact", "fact", "keys", "when", "said", "count", "order", "at", "doing", "absent", "shown")


def sentence(r: random.Random, sentences: list[str]) -> str:
    return r.choice(sentences).strip().rstrip(".") + "."


def material(r: random.Random, sentences: list[str], tokens: int, encode: Encode, pictures: list[tuple[int, str]]) -> list[Line]:
    """Lines of about ``tokens`` tokens that no question needs, in random order."""
    style, total = r.random(), 0
    lines: list[Line] = []
    while total < tokens:
        text = sentence(r, sentences)
        kind = "caption" if style < 0.25 or (style < 0.7 and r.random() < 0.5) else "utterance"
        lines.append(Line(0, kind, text[:1].upper() + text[1:]))
        total += len(encode(text)) + 9 + (2 if kind == "caption" else 0)
    lines += [Line(0, "frame", c, row) for row, c in pictures]
    r.shuffle(lines)
    return lines


def make(
    r: random.Random, sentences: list[str], tokens: int, encode: Encode, pictures: list[tuple[int, str]] | None = None,
    types: tuple[str, ...] | None = None, per_type: int = 2,
) -> Timeline:  # fmt: skip
    """A timeline of about ``tokens`` tokens. ``sentences`` are the material, ``pictures`` (feature row, caption) become frames."""
    lines = material(r, sentences, tokens, encode, pictures or [])
    facts = distinct_facts(r, r.randint(3, 6))
    spare = distinct_facts(r, 8)
    taken = {f.key for f in facts}
    codes = distinct_facts(r, 3, r.choice(["code", "code", "code", "colour", "meeting", "job", "pet", "opened"]))
    codes = [f for f in codes if f.key not in taken]
    event = r.choice(EVENTS)
    repeats = r.choice([1, 2, 2, 3, 3, 4, 5])
    placed = [Line(0, "utterance", r.choice(LEADS) + f.statement) for f in facts + codes]
    bells = [Line(0, "utterance", event[0]) for _ in range(repeats)]
    for line in placed + bells:
        lines.insert(r.randrange(len(lines) + 1), line)
    t = r.randint(0, 20) if r.random() < 0.75 else r.randint(0, 9000)
    for line in lines:
        t += r.randint(1, 9)
        line.seconds = t
    at = {id(line): i for i, line in enumerate(lines)}
    line_of = {f.key: at[id(line)] for f, line in zip(facts + codes, placed, strict=True)}
    scene = Scene(r, lines, sentences, per_type, facts, codes, spare, line_of, event, [at[id(b)] for b in bells])
    for type_ in types or TYPES:
        scene.ask(type_)
    return Timeline(lines, scene.asked)


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
