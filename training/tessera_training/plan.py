"""Which token attends to which, and at which position: the mask as data.

Tokens of a step lie flat, without padding. A *row* is one attention problem over some of them: its keys in order, its
queries (which are among the keys), a boolean mask and positions for both. Rows of one *group* are padded to one batch.

    flat tokens   [ prefix | segment | segment | question+answer | question+answer | next sequence … ]
    group 0       rows that prefill: prefix and segments (a segment sees the prefix and itself, positions start after the prefix)
    group 1       rows that ask: queries are the questions; keys are the prefix and the selected pages at contiguous positions

Keys carry no phase until a row gives them a position, exactly as the decoder that serves them.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np
import torch


@dataclass
class Row:
    """One attention problem. ``visible`` is [queries, keys]; indices are into the flat tokens."""

    queries: np.ndarray
    keys: np.ndarray
    query_positions: np.ndarray
    key_positions: np.ndarray
    visible: np.ndarray


@dataclass
class Group:
    """Rows padded to one batch. ``*_index`` gathers flat → padded, ``*_inverse`` padded → flat (-1 where absent)."""

    query_index: torch.Tensor
    key_index: torch.Tensor
    query_inverse: torch.Tensor
    key_inverse: torch.Tensor
    query_positions: torch.Tensor
    key_positions: torch.Tensor
    visible: torch.Tensor
    same: bool


@dataclass
class Plan:
    """All groups, and where each flat token's attention output lies in the concatenated padded outputs of the groups."""

    tokens: int
    groups: list[Group] = field(default_factory=list)
    output_index: torch.Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.long))
    output_inverse: torch.Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.long))

    def to(self, device: torch.device) -> Plan:
        move = lambda t: t.to(device, non_blocking=True)  # noqa: E731
        groups = [
            Group(*(move(t) if isinstance(t := getattr(g, f.name), torch.Tensor) else t for f in fields(g))) for g in self.groups
        ]
        return Plan(self.tokens, groups, move(self.output_index), move(self.output_inverse))


def inverse(index: np.ndarray, valid: np.ndarray, size: int) -> np.ndarray:
    out = np.full(size, -1, np.int64)
    out[index[valid]] = np.flatnonzero(valid)
    return out


def group(rows: list[Row], tokens: int) -> Group:
    n = len(rows)
    tq = max(len(r.queries) for r in rows)
    tk = max(len(r.keys) for r in rows)
    qi, ki = np.zeros((n, tq), np.int64), np.zeros((n, tk), np.int64)
    qp, kp = np.zeros((n, tq), np.int64), np.zeros((n, tk), np.int64)
    qv, kv = np.zeros((n, tq), bool), np.zeros((n, tk), bool)
    visible = np.zeros((n, tq, tk), bool)
    for b, r in enumerate(rows):
        a, c = len(r.queries), len(r.keys)
        qi[b, :a], qp[b, :a], qv[b, :a] = r.queries, r.query_positions, True
        ki[b, :c], kp[b, :c], kv[b, :c] = r.keys, r.key_positions, True
        visible[b, :a, :c] = r.visible
        visible[b, a:, 0] = True
    same = tq == tk and bool((qi == ki).all()) and bool((qp == kp).all())
    t = torch.from_numpy
    return Group(
        t(qi.reshape(-1)), t(ki.reshape(-1)),
        t(inverse(qi.reshape(-1), qv.reshape(-1), tokens)), t(inverse(ki.reshape(-1), kv.reshape(-1), tokens)),
        t(qp), t(kp), t(visible), same,
    )  # fmt: skip


def plan(groups: list[list[Row]], tokens: int) -> Plan:
    """Checks that every token is a query exactly once."""
    made = [group(rows, tokens) for rows in groups if rows]
    where = np.full(tokens, -1, np.int64)
    back: list[np.ndarray] = []
    offset = 0
    for g in made:
        inv = g.query_inverse.numpy()
        here = inv >= 0
        if (where[here] >= 0).any():
            raise ValueError("a token is a query in two rows")
        where[here] = inv[here] + offset
        size = g.query_index.numel()
        valid = np.full(size, -1, np.int64)
        valid[inv[here]] = np.flatnonzero(here)
        back.append(valid)
        offset += size
    if (where < 0).any():
        raise ValueError("a token is a query in no row")
    return Plan(tokens, made, torch.from_numpy(where), torch.from_numpy(np.concatenate(back)))


@dataclass
class Branch:
    """A question and its answer: loss falls on the answer."""

    prompt: list[int]
    answer: list[int]


@dataclass
class Sequence:
    """prefix · segment* · branch*: ids are token ids, or -1-k for visual token k of this sequence.

    ``keep`` names the (segment, start, end) token ranges that the branches see, in order; None is everything.
    """

    prefix: list[int]
    segments: list[list[int]]
    branches: list[Branch]
    images: list[int] = field(default_factory=list)
    keep: list[tuple[int, int, int]] | None = None


@dataclass
class Laid:
    """A batch of sequences laid flat. ``labels`` is -100 where there is no loss; visual ids count over the whole batch."""

    ids: np.ndarray
    labels: np.ndarray
    plan: Plan
    images: list[int]
    branch_of: np.ndarray
    """branch number of each token over the batch, -1 outside branches"""


def causal(n: int) -> np.ndarray:
    return np.tri(n, dtype=bool)


def buckets(rows: list[Row], edges: tuple[int, ...]) -> list[list[Row]]:
    """Rows by number of keys: what is padded together is of like length."""
    out: list[list[Row]] = [[] for _ in range(len(edges) + 1)]
    for r in rows:
        out[sum(len(r.keys) > e for e in edges)].append(r)
    return out


def lay(sequences: list[Sequence], visual_tokens: int = 16, edges: tuple[int, ...] = ()) -> Laid:
    """Flat ids, labels and the plan. The last token of an answer is not an input: nothing follows it.

    ``edges``: rows that prefill more and fewer tokens than these are padded apart from each other.
    """
    ids: list[int] = []
    labels: list[int] = []
    branch_of: list[int] = []
    prefill: list[Row] = []
    asking: list[Row] = []
    images: list[int] = []
    count = 0

    def put(tokens: list[int], targets: list[int], branch: int) -> np.ndarray:
        first = len(ids)
        shift = len(images) * visual_tokens
        ids.extend(t if t >= 0 else t - shift for t in tokens)
        labels.extend(targets)
        branch_of.extend([branch] * len(tokens))
        return np.arange(first, len(ids))

    for s in sequences:
        p = len(s.prefix)
        prefix = put(s.prefix, [-100] * p, -1)
        segments = [put(g, [-100] * len(g), -1) for g in s.segments]
        tails = []
        for b in s.branches:
            tokens = b.prompt + b.answer[:-1]
            targets = [-100] * (len(b.prompt) - 1) + b.answer
            tails.append(put(tokens, targets, count))
            count += 1
        images.extend(s.images)
        if not segments:
            # prefix and branches in one row: a branch sees the prefix and itself
            keys = np.concatenate([prefix, *tails])
            kind = np.concatenate([np.zeros(p, int), *[np.full(len(t), i + 1) for i, t in enumerate(tails)]])
            positions = np.concatenate([np.arange(p), *[p + np.arange(len(t)) for t in tails]])
            visible = ((kind[:, None] == kind[None]) | (kind[None] == 0)) & causal(len(keys))
            prefill.append(Row(keys, keys, positions, positions, visible))
            continue
        keys = np.concatenate([prefix, *segments])
        kind = np.concatenate([np.zeros(p, int), *[np.full(len(g), i + 1) for i, g in enumerate(segments)]])
        positions = np.concatenate([np.arange(p), *[p + np.arange(len(g)) for g in segments]])
        visible = ((kind[:, None] == kind[None]) | (kind[None] == 0)) & causal(len(keys))
        prefill.append(Row(keys, keys, positions, positions, visible))
        if not tails:
            continue
        keep = s.keep if s.keep is not None else [(i, 0, len(g)) for i, g in enumerate(segments)]
        context = np.concatenate([prefix, *[segments[i][a:b] for i, a, b in keep]])
        c = len(context)
        queries = np.concatenate(tails)
        who = np.concatenate([np.full(len(t), i) for i, t in enumerate(tails)])
        own = np.concatenate([np.arange(len(t)) for t in tails])
        among = (who[:, None] == who[None]) & (own[:, None] >= own[None])
        asking.append(
            Row(queries, np.concatenate([context, queries]), c + own, np.concatenate([np.arange(c), c + own]),
                np.concatenate([np.ones((len(queries), c), bool), among], 1))
        )  # fmt: skip
    return Laid(
        np.array(ids), np.array(labels), plan([*buckets(prefill, edges), asking], len(ids)), images, np.array(branch_of)
    )
