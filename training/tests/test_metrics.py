"""Values are those of pycocoevalcap 1.2 on the same (already tokenised) sentences."""

import pytest

from tessera_training import metrics

REFS = [
    ["a man riding a wave on a surfboard", "a surfer rides a large wave in the ocean", "a man on a surfboard in the water"],
    ["two dogs play with a ball on the grass", "a brown dog and a white dog chase a ball", "dogs playing in a grassy field"],
    ["a plate of food with broccoli and rice", "a white plate topped with rice and vegetables", "some food on a plate"],
]
HYPS = ["a man riding a wave on a surfboard in the ocean", "two dogs playing on the grass with a ball", "a plate of food with rice and a fork"]


def test_cider_d():
    assert metrics.cider_d(REFS, HYPS) == pytest.approx(316.445007901, abs=1e-6)
    scorer = metrics.CiderD(REFS)
    assert [scorer.score(i, h) for i, h in enumerate(HYPS)] == pytest.approx([4.38997681, 2.10003404, 3.00333939], abs=1e-7)


def test_bleu4():
    assert metrics.bleu4(REFS, HYPS) == pytest.approx(69.34222278, abs=1e-6)


def test_rouge_l():
    assert metrics.rouge_l(REFS, HYPS) == pytest.approx(71.19303092, abs=1e-6)


def test_punctuation_and_case_do_not_count():
    assert metrics.normalise("A man's dog, running.") == ["a", "man", "s", "dog", "running"]
    assert metrics.cider_d(REFS, [h.upper() + "!" for h in HYPS]) == pytest.approx(metrics.cider_d(REFS, HYPS))


def test_empty_answers_score_nothing():
    assert metrics.cider_d(REFS, ["", "", ""]) == 0
    assert metrics.bleu4(REFS, ["", "", ""]) == 0
    assert metrics.rouge_l(REFS, ["", "", ""]) == 0


def test_exact_match_ignores_order_of_a_list():
    assert metrics.exact("Book, tape dispenser", "tape_dispenser, book")
    assert metrics.exact("2.", "2")
    assert not metrics.exact("book", "book, pen")


def test_repeats_and_loops():
    assert metrics.repeated(["a", "a", "b", "c"]) == 25
    assert metrics.looping("a man and a man and a man and")
    assert metrics.looping("very very very nice")
    assert not metrics.looping("a man and a woman and a dog")
