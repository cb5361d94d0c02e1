import json
import os
import random
import subprocess
import sys

import numpy as np
import pytest

from tessera_training import config, derived, timelines
from tessera_training.data import Stream, load_groups, mirrored, turned_over
from tessera_training.features import Variant, box, quarters
from tessera_training.plan import Branch, Row, Sequence, lay, plan
from tessera_training.prompts import NOT_FOUND, stamp
from tessera_training.scst import timeline_reward
from tessera_training.splits import photo_splits, question_splits
from tessera_training.tiny import tiny_corpus
from tessera_training.words import gist

SENTENCES = [f"A {a} {b} is {v} in the park" for a in ("red", "small", "happy") for b in ("dog", "cat", "man") for v in ("running", "sitting")]


def test_photo_splits(tmp_path):
    rows = [{"file": f"{i}.jpg", "captions": [f"c{i}.{k}" for k in range(5 if i % 2 else 1)]} for i in range(1000)]
    rows[3]["captions"] = rows[999]["captions"]
    (tmp_path / "captions.jsonl").write_text("\n".join(map(json.dumps, rows)))
    for i in (5, 997):
        (tmp_path / f"{i}.jpg").write_bytes(b"the same bytes")
    train, validation = photo_splits(tmp_path)
    assert [p.row for p in validation] == list(range(201, 1000, 2))
    assert not {p.row for p in train} & {p.row for p in validation}
    assert {3, 5}.isdisjoint(p.row for p in train)
    assert len(train) == 1000 - 400 - 2


def test_question_splits(tmp_path):
    rows = [{"file": f"{i // 2}.jpg", "question": "q", "answer": "a"} for i in range(300)]
    (tmp_path / "vqa.jsonl").write_text("\n".join(map(json.dumps, rows)))
    train, validation = question_splits(tmp_path)
    assert {q.row for q in validation} == set(range(50, 150))
    assert {q.row for q in train} == set(range(50))


def test_every_token_asks_once():
    laid = lay([Sequence([5, 6], [[7, 8], [9]], [Branch([10], [11, 2])]), Sequence([12, 13, 14], [], [])])
    assert laid.labels.tolist().count(-100) == len(laid.ids) - 2
    row = Row(np.array([0]), np.array([0]), np.array([0]), np.array([0]), np.ones((1, 1), bool))
    with pytest.raises(ValueError):
        plan([[row], [row]], 1)
    with pytest.raises(ValueError):
        plan([[row]], 2)


def test_pictures_are_numbered_over_the_batch():
    laid = lay([Sequence([-1, -16, -17], [], [], [0, 1]), Sequence([-1, -16], [], [], [2])])
    assert laid.ids.tolist() == [-1, -16, -17, -33, -48]
    assert laid.images == [0, 1, 2]


def test_timelines_are_the_same_in_every_process():
    made = "import random; from tessera_training import timelines; print([timelines.make(random.Random(s), ['A dog runs'], 200, list) for s in range(4)])"
    told = [subprocess.run([sys.executable, "-c", made], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True).stdout for seed in "12"]
    assert told[0] == told[1]


@pytest.mark.parametrize("seed", range(8))
def test_timelines(encode, seed):
    make = lambda: timelines.make(random.Random(seed), SENTENCES, 600, encode)  # noqa: E731
    made = make()
    assert made == make()
    lines, _ = timelines.encode_lines(made, encode)
    segments, places = timelines.pack(lines, 256)
    assert all(len(s) <= 256 or len(s) in map(len, lines) for s in segments)
    assert [segments[s][a:b] for s, a, b in places] == lines
    seconds = [line.seconds for line in made.lines]
    assert seconds == sorted(seconds)
    for asked in made.asked:
        text = " ".join(f"[{stamp(made.lines[i].seconds)}] {made.lines[i].text}" for i in asked.evidence)
        if asked.type in ("fact", "keys", "when", "said"):
            assert all(v in text for v in asked.values), (asked, text)
            assert all(v in asked.reply for v in asked.values)
        if asked.type == "count":
            assert asked.values == [str(len(asked.evidence))]
        if asked.type == "absent":
            assert asked.reply == NOT_FOUND and not asked.evidence
    orders = [a for a in made.asked if a.type == "order"]
    assert orders


def test_reward_of_an_answer_about_a_timeline():
    asked = timelines.Asked("fact", "What is the code for project Maple?", "The code for project Maple is 1234.", ["1234"])
    assert timeline_reward(asked, "The code for project Maple is 1234.", True) == 1
    assert timeline_reward(asked, "It is 1234", True) == 1
    assert timeline_reward(asked, "It is 12345", True) == 0
    assert timeline_reward(asked, "The code for project Maple is 1234.", False) == 0
    assert timeline_reward(asked, "The code for Maple is 1234, for Cedar 99, for Comet 45, for Ember 12", True) == 0
    assert timeline_reward(asked, NOT_FOUND, True) == 0
    absent = timelines.Asked("absent", "What is the code for project Cedar?", NOT_FOUND, [NOT_FOUND])
    assert timeline_reward(absent, NOT_FOUND, True) == 1
    assert timeline_reward(absent, "The code for project Cedar is 1234.", True) == 0


def test_thinning_keeps_the_evidence(encode):
    made = timelines.make(random.Random(3), SENTENCES, 900, encode)
    lines, _ = timelines.encode_lines(made, encode)
    segments, places = timelines.pack(lines, 256)
    sequence = timelines.sequence(random.Random(0), made, encode, 256, True)
    assert sequence.keep is not None
    kept = {(s, t) for s, a, b in sequence.keep for t in range(a, b)}
    for asked in made.asked:
        for i in asked.evidence:
            s, a, b = places[i]
            assert {(s, t) for t in range(a, b)} <= kept
    assert len(kept) < sum(map(len, segments))


def test_times():
    assert stamp(75) == "01:15"
    assert stamp(3675) == "1:01:15"


def test_derived_questions():
    captions = ("Two men riding a red motorcycle down a street.", "A man is riding a motorcycle.", "Men on a bike.", "Two men.", "A red motorcycle.")
    asked = [qa for seed in range(20) for qa in derived.questions(captions, random.Random(seed))]
    assert ("What color is the motorcycle?", "red") in asked
    assert ("How many men are there?", "2") in asked
    assert ("What is the man doing?", "riding a motorcycle") in asked
    no = {q for q, a in asked if a == "no"}
    assert no and not any("motorcycle" in q or "bicycle" in q or " man" in q for q in no)
    assert derived.mirror("what is left of the bed on the right side") == "what is right of the bed on the left side"


def test_captions_of_one_picture_are_a_group_where_none_is_missing():
    one = ["A dog runs .", "a dog swims .", "Dogs .", "The dog", "Wet dog ."]
    two = ["A cat .", "A cat on a mat .", "Cat", "The cat", "Two cats ."]
    lines = [(k, "flickr8k", t) for k, t in enumerate([*one, *two, *one[:4], *two])]
    assert load_groups([(-1, "msvd", "A man ."), *lines]) == [tuple(one), tuple(two), tuple(two)]
    # the one whose captions were taken out in between is not joined with what follows
    assert load_groups([row for row in lines if row[0] != 6]) == [tuple(one), tuple(two)]


def test_what_several_saw_is_seen_again():
    captions = ("A dog on a beach .", "A wet dog .", "Dog at the beach .")
    gists = [gist(captions, random.Random(i)).split() for i in range(200)]
    assert all({"dog", "beach"} <= set(g) for g in gists)
    assert 0 < sum("wet" in g for g in gists) < 100


def test_streams_are_seeded_and_resume(encode):
    corpus = tiny_corpus(encode)
    a, b = (Stream(corpus, encode, 1, 0, 1, [120]) for _ in range(2))
    assert a.captions(4).sequences == b.captions(4).sequences
    state = a.state()
    want = a.timeline().sequences
    b.restore(state)
    assert b.timeline().sequences == want


def test_config_names_unknown_keys(tmp_path):
    (tmp_path / "a.toml").write_text('name = "a"\nsteps = 1\nlearning_rate = 1')
    with pytest.raises(ValueError, match="learning_rate"):
        config.read(tmp_path / "a.toml")
    (tmp_path / "b.toml").write_text('name = "b"')
    with pytest.raises(ValueError, match="minutes or steps"):
        config.read(tmp_path / "b.toml")


def test_shipped_configs_are_valid():
    from pathlib import Path

    from tessera_training.hearing import Run

    for path in (Path(__file__).parents[1] / "configs").glob("*.toml"):
        run = config.read_as(Run, path) if path.stem == "hearing" else config.read(path)
        assert run.name == path.stem


def test_features_of_a_mirror_image_are_turned_row_by_row():
    features = np.arange(2 * 9 * 2).reshape(2, 9, 2)
    turned = mirrored(features)
    assert turned[1, 0].tolist() == features[1, 2].tolist() and turned[0, 4].tolist() == features[0, 4].tolist()
    assert (mirrored(turned) == features).all()


def test_quarters_are_of_the_same_crop():
    variants = [Variant(1, 1, False), Variant(1, 1, True), Variant(0.7, 0.95, False)]
    made = quarters(variants)
    assert [box(v, "a.jpg") for v in made[:4]] == [(0, 0, 0.5, 0.5), (0.5, 0, 1, 0.5), (0, 0.5, 0.5, 1), (0.5, 0.5, 1, 1)]
    assert box(variants[0], "a.jpg") is None
    x0, y0, x1, y1 = box(variants[2], "a.jpg")
    first, last = box(made[4], "a.jpg"), box(made[7], "a.jpg")
    assert first == (x0, y0, (x0 + x1) / 2, (y0 + y1) / 2) and last == (*first[2:], x1, y1)


def test_quarters_change_sides_in_the_mirror():
    corners = np.arange(5, dtype=np.float16)[:, None, None] + np.zeros((5, 64, 2), np.float16)
    assert [m[0, 0] for m in turned_over(list(corners))] == [0, 2, 1, 4, 3]


def test_pictures_in_detail_have_five_blocks(encode):
    stream = Stream(tiny_corpus(encode), encode, 1, 0, 1, [60], vqa_pictures=4, tiled=1.0, tiled_questions=0.5)
    batch = stream.captions(3)
    assert [len(s.images) for s in batch.sequences] == [5] * len(batch.sequences) and len(batch.features) == 5 * len(batch.sequences)
    asked = [stream.vqa() for _ in range(4)]
    assert {len(s.images) for b in asked for s in b.sequences} == {1, 5}
    for b in asked:
        assert len(b.features) == sum(len(s.images) for s in b.sequences)
