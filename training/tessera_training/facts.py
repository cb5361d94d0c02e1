"""Facts that generated timelines hold: people, codes, places, each as a statement, a question and a reply in several wordings."""

from __future__ import annotations

import random
from dataclasses import dataclass

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
