"""Repeated splits by group: a part to learn from, a part to choose by, and a part to test on."""

from __future__ import annotations

import dataclasses
import random
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ..datasets.preparation.group_split import Clip, divide_by_group
from ..datasets.preparation.labeled_list import Labeled, listed, write_lines, write_list
from ..datasets.recordings.names import stretches, without_window
from ..errors import InputError
from ..texts import write_table
from .videos import Found, Say, Video

TEST_SHARE, CHOICE_SHARE = 0.25, 0.2
MOST_SPLITS = 10
_FEW_GROUPS = 5
BATCH = 16


@dataclasses.dataclass(frozen=True)
class Split:
    """The labelled videos of one split.

    Attributes:
        seed: Number of the split.
        fit: Videos to learn from.
        choice: Videos of other groups, by which a row is chosen.
        test: Videos of other groups again, on which the chosen row is scored.
        by_group: Whether ``choice`` shares no group with ``fit``. False if there are only two groups.
    """

    seed: int
    fit: list[Video]
    choice: list[Video]
    test: list[Video]
    by_group: bool = True


def make_splits(found: Found, count: int = MOST_SPLITS, say: Say = print) -> list[Split]:
    """Different splits, every class on every side.

    Args:
        found: Videos, of which the labelled ones are split.
        count: Largest number of splits. Few groups allow fewer.
        say: Takes a line where the choice cannot be made by groups.

    Raises:
        InputError: If no division by group has every class on every side.
    """
    splits: dict[tuple[str, ...], Split] = {}
    for seed in range(4 * count):
        split = _split(found.labeled, seed)
        key = (*sorted(video.name for video in split.test), '', *sorted(video.name for video in split.choice))
        if key not in splits:
            splits[key] = dataclasses.replace(split, seed=len(splits))
        if len(splits) == count:
            break
    made = _spread(list(splits.values()))
    if not all(split.by_group for split in made):
        say(
            'too few groups to choose by: rows are compared on clips of the groups that they learned from, which flatters'
        )
    return made


def _spread(splits: Sequence[Split]) -> list[Split]:
    """The splits in an order in which each group is tested early, where there are so few that a draw may leave one out.

    An interval counts the groups that are tested: of three groups, three splits then show three, of two groups two.
    """
    tests = [{video.group for video in split.test} for split in splits]
    if len(set().union(*tests)) > _FEW_GROUPS:
        return list(splits)
    left, seen = list(range(len(splits))), Counter[str]()
    made: list[Split] = []
    while left:
        chosen = min(left, key=lambda index: sum(seen[group] for group in tests[index]) / len(tests[index]))
        left.remove(chosen)
        seen.update(tests[chosen])
        made.append(dataclasses.replace(splits[chosen], seed=len(made)))
    return made


def _split(videos: Sequence[Video], seed: int) -> Split:
    by_path = {video.path: video for video in videos}
    clips = [Clip(video.path, str(video.label), video.group) for video in videos]
    shares = dict(fit=1 - TEST_SHARE - CHOICE_SHARE, choice=CHOICE_SHARE, test=TEST_SHARE)
    try:
        parts, by_group = divide_by_group(clips, shares, seed), True
    except InputError:
        parts, by_group = divide_by_group(clips, dict(fit=1 - TEST_SHARE, test=TEST_SHARE), seed), False
        alone = [clip._replace(group=clip.path) for clip in parts['fit']]
        within = divide_by_group(alone, dict(fit=1 - CHOICE_SHARE, choice=CHOICE_SHARE), seed)
        parts.update(fit=within['fit'], choice=within['choice'])
    sides = {name: [by_path[clip.path] for clip in part] for name, part in parts.items()}
    return Split(seed, sides['fit'], sides['choice'], sides['test'], by_group)


def everything(found: Found) -> Split:
    """A split that learns from every label, for the model that the user takes home."""
    return Split(-1, found.labeled, [], found.labeled, True)


def pool_of(split: Split, found: Found) -> list[Video]:
    """The videos to pretrain on: the clips to learn from, and those without label whose group is not held out.

    A window without a group of its own has the name of its recording as group. It is held out if a window of its recording is.
    """
    known = {video.group for video in split.fit}
    other = [video for video in [*split.choice, *split.test] if video.group not in known]
    held = {name for video in other for name in (video.group, without_window(video.name))}
    return [*split.fit, *(video for video in found.videos if video.label is None and video.group not in held)]


def write_lists(out: Path, split: Split, found: Found) -> Path:
    """Write the lists of a split. Their paths are relative, so that a moved folder keeps its results.

    - ``train.txt``: clips to learn from. ``batches.txt`` repeats them to at least one batch.
    - ``test.txt``: clips to choose by and to test on. ``held_out.txt`` has the same without labels.
    - ``pool.txt``: clips for pretraining, see :func:`pool_of`.
    - ``choice.txt``: names of the clips to choose by.
    - ``groups.csv`` and ``classes.txt``: the groups and the names of the classes.

    Args:
        out: Folder of the split.
        split: The split.
        found: All videos.
    """
    number = {name: i for i, name in enumerate(found.classes)}
    held = [*split.choice, *split.test]
    pool = pool_of(split, found)
    for name, videos in {'train': split.fit, 'batches': _filled(split.fit), 'test': held}.items():
        rows = [Labeled(listed(video.name), number[str(video.label)]) for video in videos]
        blanks = any(' ' in row.path for row in rows)
        write_list(out / f'{name}.txt', rows, '\t' if blanks else ' ')
    for name, videos in {'pool': _filled(pool), 'held_out': held, 'choice': split.choice}.items():
        write_lines(out / f'{name}.txt', [listed(video.name) for video in videos])
    write_table(out / 'groups.csv', [('path', 'group'), *((video.name, video.group) for video in [*split.fit, *held])])
    write_lines(out / 'classes.txt', found.classes)
    return out


def _filled(videos: Sequence[Video]) -> list[Video]:
    return [*videos] * -(-BATCH // len(videos))


def shuffled(found: Found, seed: int = 0) -> Found:
    """The videos with their labels permuted, to see what chance gives."""
    labeled = found.labeled
    # Windows that overlap show the same moments, and have one label before and after it.
    numbers = stretches([video.path for video in labeled])
    of_stretch = {number: video.label for number, video in zip(numbers, labeled)}
    labels = [*of_stretch.values()]
    random.Random(seed).shuffle(labels)
    given = dict(zip((video.name for video in labeled), map(dict(zip(of_stretch, labels)).__getitem__, numbers)))
    return Found([dataclasses.replace(v, label=given.get(v.name)) for v in found.videos], found.grouped)
