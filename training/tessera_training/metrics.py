"""CIDEr-D, BLEU-4 and ROUGE-L as the COCO caption evaluation computes them, without its Java tokenizer.

Sentences are lower-cased and everything but letters and digits becomes a space (``normalise``).
Vedantam et al., CIDEr (CVPR 2015); Papineni et al., BLEU (ACL 2002); Lin, ROUGE (ACL 2004 workshop).
"""

from __future__ import annotations

import math
import re
from collections import Counter

Ngrams = Counter[tuple[str, ...]]
ORDER = 4
SIGMA = 6.0


def normalise(text: str) -> list[str]:
    return re.sub(r"[^a-z0-9 ]", " ", text.lower()).split()


def ngrams(words: list[str], order: int = ORDER) -> Ngrams:
    return Counter(tuple(words[i : i + n]) for n in range(1, order + 1) for i in range(len(words) - n + 1))


class CiderD:
    """CIDEr-D against a corpus of references: document frequencies are counted over that corpus, one document a picture."""

    def __init__(self, references: list[list[str]]) -> None:
        tokens = [[normalise(r) for r in refs] for refs in references]
        frequency: Counter[tuple[str, ...]] = Counter()
        for refs in tokens:
            frequency.update({g for r in refs for g in ngrams(r)})
        self.log_documents = math.log(max(len(references), 1))
        self.frequency = frequency
        self.references = [[self.vector(r) for r in refs] for refs in tokens]

    def vector(self, words: list[str]) -> tuple[list[dict], list[float], int]:
        vec: list[dict[tuple[str, ...], float]] = [{} for _ in range(ORDER)]
        for gram, count in ngrams(words).items():
            vec[len(gram) - 1][gram] = count * (self.log_documents - math.log(max(1, self.frequency[gram])))
        norm = [math.sqrt(sum(x * x for x in v.values())) for v in vec]
        return vec, norm, max(len(words) - 1, 0)

    def score(self, index: int, text: str) -> float:
        """One sentence against the references of one picture; times 100 it is the usual figure."""
        vec, norm, length = self.vector(normalise(text))
        total = 0.0
        refs = self.references[index]
        for ref, ref_norm, ref_length in refs:
            penalty = math.exp(-((length - ref_length) ** 2) / (2 * SIGMA**2))
            for n in range(ORDER):
                if norm[n] and ref_norm[n]:
                    dot = sum(min(x, ref[n].get(g, 0.0)) * ref[n].get(g, 0.0) for g, x in vec[n].items())
                    total += dot / (norm[n] * ref_norm[n]) * penalty
        return 10 * total / ORDER / max(len(refs), 1)


def cider_d(references: list[list[str]], hypotheses: list[str]) -> float:
    scorer = CiderD(references)
    return 100 * sum(scorer.score(i, h) for i, h in enumerate(hypotheses)) / max(len(hypotheses), 1)


def bleu4(references: list[list[str]], hypotheses: list[str]) -> float:
    """Corpus BLEU-4 with the closest reference length, times 100."""
    match, guess = [0] * ORDER, [0] * ORDER
    length = reference_length = 0
    for refs, hyp in zip(references, hypotheses, strict=True):
        words, targets = normalise(hyp), [normalise(r) for r in refs]
        length += len(words)
        reference_length += min((abs(len(t) - len(words)), len(t)) for t in targets)[1]
        best: Ngrams = Counter()
        for t in targets:
            best |= ngrams(t)
        for gram, count in ngrams(words).items():
            match[len(gram) - 1] += min(count, best[gram])
        for n in range(ORDER):
            guess[n] += max(0, len(words) - n)
    if min(match) == 0:
        return 0.0
    precision = sum(math.log(m / g) for m, g in zip(match, guess, strict=True)) / ORDER
    brevity = min(0.0, 1 - reference_length / length)
    return 100 * math.exp(precision + brevity)


def lcs(a: list[str], b: list[str]) -> int:
    row = [0] * (len(b) + 1)
    for x in a:
        previous = 0
        for j, y in enumerate(b):
            previous, row[j + 1] = row[j + 1], previous + 1 if x == y else max(row[j], row[j + 1])
    return row[-1]


def rouge_l(references: list[list[str]], hypotheses: list[str], beta: float = 1.2) -> float:
    """Mean over pictures of F(max precision, max recall) of the longest common subsequence, times 100."""
    total = 0.0
    for refs, hyp in zip(references, hypotheses, strict=True):
        words = normalise(hyp)
        common = [(lcs(words, t), len(t)) for t in (normalise(r) for r in refs)]
        p = max((c / max(len(words), 1) for c, _ in common), default=0.0)
        r = max((c / max(n, 1) for c, n in common), default=0.0)
        total += (1 + beta**2) * p * r / (r + beta**2 * p) if p and r else 0.0
    return 100 * total / max(len(hypotheses), 1)


def repeated(hypotheses: list[str]) -> float:
    """Share of captions that another picture got too (beyond its first use), in per cent."""
    return 100 * (1 - len(set(hypotheses)) / max(len(hypotheses), 1))


def looping(text: str) -> bool:
    """Three words said twice in a row, or one word three times in a row."""
    w = normalise(text)
    triple = any(w[i] == w[i + 1] == w[i + 2] for i in range(len(w) - 2))
    return triple or any(w[i : i + 3] == w[i + 3 : i + 6] for i in range(len(w) - 5))


def holds(text: str, values: list[str]) -> bool:
    """Every value occurs in the text, as whole words."""
    words = f" {' '.join(normalise(text))} "
    return all(f" {' '.join(normalise(v))} " in words for v in values)


def exact(answer: str, truth: str) -> bool:
    """Exact match after normalisation; a list of things matches in any order."""

    def parts(text: str) -> list[str]:
        return sorted(" ".join(normalise(p.replace("_", " "))) for p in text.split(","))

    return parts(answer) == parts(truth)


def word_errors(said: list[str], written: list[str]) -> int:
    """Fewest words to replace, leave out or put in that make one out of the other (Levenshtein, 1966)."""
    row = list(range(len(written) + 1))
    for i, a in enumerate(said, 1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(written, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (a != b))
    return row[-1]
