"""Groups of samples: named by a pattern, and divided into parts as a whole, with every class in every part."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from ..errors import InputError

# Cost of a class that is missing from a part, in addition to deviations from the shares.
_MISSING = 1e9
# Weight of the size of a part, relative to the size of a class within it. First the classes come to their shares;
# then, where these are no whole numbers, some classes give one more so that the whole part comes to its size.
_SIZE_WEIGHTS = (1.0, 10.0)
_SOLVER_SECONDS = 60.0
_MOST_WORK = 4e9


def group_pattern(pattern: str, where: str) -> re.Pattern[str]:
    """Compile a pattern whose one bracket names the group of a video.

    Args:
        pattern: A regular expression.
        where: The setting and its value, for the message.

    Raises:
        InputError: If it is no regular expression, or has no bracket or several.
    """
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise InputError(f'{where}: {error}; expected a regular expression with one bracket') from None
    if compiled.groups != 1:
        raise InputError(f'{where}: expected one bracket, it has {compiled.groups}')
    return compiled


def group_named(pattern: re.Pattern[str], path: str) -> str | None:
    """Group that the bracket of a pattern finds in a path. None without a match, and if the bracket finds nothing: what it
    leaves out would make one group of all such videos.
    """
    match = pattern.search(path)
    return (match[1] or None) if match is not None else None


def divide_groups(
    labels: np.ndarray, groups: np.ndarray, shares: Sequence[float], seed: int, names: Sequence[str] | None = None
) -> np.ndarray:
    """Divide samples into parts of given shares: no group is in two parts, and every class is in every part.

    The function takes the groups in a random order and puts each into the part that needs its classes most. Then single
    groups move as long as a move brings the parts nearer to their shares, for all samples and for each class. If a part
    still lacks a class, an integer program (SciPy's ``milp``) finds a division with every class in every part, or
    proves that there is none.

    Args:
        labels: Class of each sample, int (N,), in [0, C).
        groups: Group of each sample, int (N,), in [0, G).
        shares: Share of each part, P numbers above 0 whose sum is 1.
        seed: Seed of the random order. Different seeds give different divisions.
        names: Names of the C classes for messages. None numbers them.

    Returns:
        Part of each sample, int (N,), in [0, P).

    Raises:
        InputError: If no division exists. The message names the classes that prevent it.
    """
    parts = len(shares)
    counts: np.ndarray = np.zeros((int(groups.max()) + 1, int(labels.max()) + 1), dtype=np.float32)
    np.add.at(counts, (groups, labels), 1)
    names = [str(i) for i in range(counts.shape[1])] if names is None else names
    _check_enough_groups(counts, parts, names)
    rng = np.random.default_rng(seed)
    cost = _Cost(counts, shares)
    assigned = _greedy(cost, rng)
    _improve(cost, assigned)
    if cost.missing():
        solved = _solve(counts, parts, rng.random((len(counts), parts)))
        if solved is None:
            few = _conflict(counts, parts)
            shown = ', '.join(names[i] for i in few[:5]) + (f' ... ({len(few)} in all)' if len(few) > 5 else '')
            raise InputError(
                f'no division by group has every class in each of {parts} parts: the classes {shown} share too few '
                'groups; leave one of them out, or make groups finer'
            )
        cost = _Cost(counts, shares)
        for group, part in enumerate(solved):
            cost.put(group, part)
        assigned = solved
        _improve(cost, assigned)
    return assigned[groups]


def _check_enough_groups(counts: np.ndarray, parts: int, names: Sequence[str]) -> None:
    of_class = (counts > 0).sum(0)
    few = [i for i in np.argsort(of_class, kind='stable').tolist() if 0 < of_class[i] < parts]
    if few:
        more = f' (and {len(few) - 1} more classes)' if len(few) > 1 else ''
        raise InputError(
            f'class {names[few[0]]} has {of_class[few[0]]} group(s) and needs at least {parts}, one for each part{more}: '
            'leave it out, or make groups finer'
        )


class _Cost:
    """Number of samples of each class in each part, and the cost of changing it.

    The cost is a sum over the classes and all samples together. Each term is the squared distance from the desired
    number, divided by the size of the class. Each class that a part lacks adds a large amount.

    Args:
        counts: Number of samples of each class in each group, (G, C).
        shares: Share of each part, (P,).
    """

    def __init__(self, counts: np.ndarray, shares: Sequence[float]) -> None:
        # The last column counts all samples of a group, so that the size of a part is one class more.
        self.counts = np.concatenate([counts, counts.sum(1, keepdims=True)], axis=1)
        totals = self.counts.sum(0)
        self.weights = np.where(totals > 0, 1 / np.maximum(totals, 1), 0).astype(np.float64)
        self.short = np.zeros((len(shares), len(totals)))  # wanted minus present
        self.short[:] = np.asarray(shares)[:, None] * totals
        self.present = np.zeros((len(shares), len(totals)))
        self.occurs = totals > 0

    def put(self, group: int, part: int, sign: int = 1) -> None:
        """Add a group to a part, or remove it with sign -1."""
        self.present[part] += sign * self.counts[group]
        self.short[part] -= sign * self.counts[group]

    def missing(self) -> int:
        """Number of pairs (class, part) without a sample."""
        return int(((self.present == 0) & self.occurs).sum())

    def of_adding(self, counts: np.ndarray) -> np.ndarray:
        """Change of the cost, (B, P), if each row of ``counts`` (B, C + 1) is added to each part."""
        squares = (counts**2) @ self.weights
        linear = counts @ (self.weights * self.short).T
        gained = (counts > 0).astype(np.float64) @ (self.present == 0).T
        return squares[:, None] - 2 * linear - _MISSING * gained

    def of_taking(self, rows: np.ndarray, part: int) -> np.ndarray:
        """Change of the cost, (B,), if each of the groups ``rows`` (B,) is removed from its part."""
        counts = self.counts[rows]
        squares = (counts**2) @ self.weights
        linear = counts @ (self.weights * self.short[part])
        lost = ((counts > 0) & (counts == self.present[part])).sum(1)
        return squares + 2 * linear + _MISSING * lost


def _greedy(cost: _Cost, rng: np.random.Generator) -> np.ndarray:
    assigned: np.ndarray = np.zeros(len(cost.counts), dtype=np.int64)
    for group in rng.permutation(len(cost.counts)).tolist():
        part = int(cost.of_adding(cost.counts[group : group + 1])[0].argmin())
        cost.put(group, part)
        assigned[group] = part
    return assigned


def _improve(cost: _Cost, assigned: np.ndarray) -> None:
    """Move single groups while the cost falls. ``assigned`` (G,) changes in place."""
    weight = float(cost.weights[-1])
    for factor in _SIZE_WEIGHTS:
        cost.weights[-1] = factor * weight
        _descend(cost, assigned)
    cost.weights[-1] = weight


def _descend(cost: _Cost, assigned: np.ndarray) -> None:
    parts = len(cost.present)
    for _ in range(int(min(10 * len(assigned), _MOST_WORK / cost.counts.size))):
        best: tuple[float, int, int] = (-1e-6, -1, -1)
        for part in range(parts):
            rows = np.flatnonzero(assigned == part)
            if len(rows) == 0:
                continue
            change = cost.of_adding(cost.counts[rows]) + cost.of_taking(rows, part)[:, None]
            change[:, part] = 0
            at = int(change.argmin())
            if change.flat[at] < best[0]:
                best = float(change.flat[at]), int(rows[at // parts]), at % parts
        _, group, target = best
        if group < 0:
            return
        cost.put(group, int(assigned[group]), -1)
        cost.put(group, target)
        assigned[group] = target


def _solve(counts: np.ndarray, parts: int, prices: np.ndarray) -> np.ndarray | None:
    """The cheapest assignment (G,) of groups to parts with every class in every part, or None if there is none.

    ``counts`` is (G, C). ``prices`` (G, P) is the price of each group in each part. The solver stops at a relative gap
    of 0.2 to the lowest sum of prices.
    """
    from scipy.optimize import Bounds, LinearConstraint, milp
    from scipy.sparse import csr_matrix, eye, kron

    holds = csr_matrix((counts > 0).T.astype(float))  # (C, G)
    holds = holds[np.flatnonzero(holds.getnnz(axis=1))]
    rules = [
        LinearConstraint(kron(eye(len(counts)), np.ones((1, parts))).tocsr(), 1, 1),  # each group in one part
        LinearConstraint(kron(holds, eye(parts)).tocsr(), 1, np.inf),  # each class in each part
    ]
    found = milp(
        prices.reshape(-1),
        integrality=np.ones(prices.size),
        bounds=Bounds(0, 1),
        constraints=rules,
        options=dict(time_limit=_SOLVER_SECONDS, mip_rel_gap=0.2),
    )
    if found.x is not None:
        return found.x.reshape(prices.shape).argmax(1)
    if found.status == 2:
        return None
    raise InputError(
        f'no division by group with every class in each of {parts} parts was found in {_SOLVER_SECONDS:.0f} s, and none '
        'excluded; make groups finer, or leave out classes that share all their groups with others'
    )


def _conflict(counts: np.ndarray, parts: int) -> list[int]:
    """A minimal set of classes that cannot all be in every part: without any one of them a division exists."""
    prices = np.zeros((len(counts), parts))
    classes = np.flatnonzero(counts.any(0)).tolist()
    for one in list(classes):
        rest = [i for i in classes if i != one]
        if rest and _solve(counts[:, rest], parts, prices) is None:
            classes = rest
    return classes
