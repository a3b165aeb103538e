"""Decodes every video once, and leaves out the broken, short and double ones. Checked files are remembered.

Also says what may make the accuracies misleading: missing groups, near duplicates, unequal classes.
"""

from __future__ import annotations

import json
import os
import shlex
import sys
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

from ..datasets.preparation.frame_rates import FrameRate, spread_of
from ..datasets.preparation.group_guess import guess_groups
from ..datasets.preparation.group_split import Clip
from ..datasets.preparation.labeled_list import examples
from ..datasets.preparation.near_duplicates import near_duplicates
from ..datasets.preparation.video_check import VideoReport, check_videos, content_of
from ..datasets.recordings.names import contradiction, recording_of, without_window
from ..errors import InputError
from ..files import read_record, write_whole
from ..recipes.step_records import digest
from .screen import Screen
from .splits import Split
from .videos import Found, Say, Video, leave_out

FILE, NEAR_FILE = 'checked.json', 'near_duplicates.json'
# Clips whose frames are compared; of more clips, evenly spread ones.
MOST_COMPARED = 600
# A clip of fewer frames shows no motion.
LEAST_FRAMES = 4


def check_all(
    found: Found, out: Path, say: Say = print, progress: TextIO | None = sys.stderr
) -> dict[str, VideoReport]:
    """Reports of all videos by name. Only new and changed files are decoded.

    Args:
        found: The videos.
        out: Folder for ``checked.json``.
        say: Takes a line with the result.
        progress: Stream of the progress bar.

    Raises:
        InputError: If no video can be used.
    """
    file = out / FILE
    known = read_record(file)
    reports: dict[str, VideoReport] = {}
    fresh: list[Video] = []
    for video in found.videos:
        report = _known_report(known.get(video.name), video)
        if report is not None:
            reports[video.name] = report
        else:
            fresh.append(video)
    if fresh:
        made = check_videos([video.path for video in fresh], min_frames=LEAST_FRAMES, progress=progress)
        # A double is a question of all videos together, so it is asked below.
        reports.update({v.name: r._replace(status='ok') if r.status == 'duplicate' else r for v, r in zip(fresh, made)})
        kept = {
            video.name: dict(state=_state(video.path), report=reports[video.name]._asdict()) for video in found.videos
        }
        write_whole(file, json.dumps(kept))
    if not any(report.status == 'ok' for report in reports.values()):
        first = next(iter(reports.values()))
        raise InputError(f'none of the {len(reports)} videos can be used; first: {first.path}: {first.reason}')
    say(f'{len(reports)} videos checked, {len(fresh)} of them now')
    return reports


def _known_report(entry: Any, video: Video) -> VideoReport | None:
    """The report of an earlier start; None if the file has changed, or another version has written the report."""
    try:
        return VideoReport(**{**entry['report'], 'path': video.path}) if entry['state'] == _state(video.path) else None
    except (TypeError, KeyError):
        return None


def _state(path: str) -> list[int]:
    path = recording_of(path)
    found = os.stat(path)
    if os.path.isdir(path):
        # Images without compression have one size, whatever they show.
        inside = [entry.stat() for entry in os.scandir(path)]
        times = max((one.st_mtime_ns for one in inside), default=0)
        return [sum(one.st_size for one in inside), len(inside), times]
    return [found.st_size, found.st_mtime_ns]


def usable(found: Found, reports: dict[str, VideoReport], say: Say = print) -> Found:
    """The videos without broken, short and double ones, with a line about each kind.

    Of several videos with the same content one stays, a labelled one if there is one. If they have different labels, none
    stays: one of the labels is wrong. Of several recordings with the same content, the windows of one stay, that with the most
    labels.
    """
    bad = [video.name for video in found.videos if reports[video.name].status in ('bad', 'short')]
    for name in bad[:5]:
        say(f'left out: {name}: {reports[name].reason}')
    if len(bad) > 5:
        say(f'... and {len(bad) - 5} more are left out')
    found = leave_out(found, bad)
    same: dict[str, list[Video]] = {}
    for video in found.videos:
        same.setdefault(reports[video.name].digest or video.name, []).append(video)
    doubles: list[str] = []
    unclear: list[str] = []
    group_of: dict[str, str] = {}

    def keep(kept: Sequence[Video], all_copies: Sequence[Video]) -> None:
        stay = {video.name for video in kept}
        doubles.extend(video.name for video in all_copies if video.name not in stay)
        # A group of its own would be on another side of a split than the clips beside the copy that has one.
        if named := [video.group for video in all_copies if _has_group(video)]:
            group_of.update({video.name: named[0] for video in kept if not _has_group(video)})

    for videos in same.values():
        labels = {video.label for video in videos} - {None}
        if len(labels) > 1:
            unclear += [video.name for video in videos]
        elif len(videos) > 1:
            keep([next((video for video in videos if video.label is not None), videos[0])], videos)
    gone = {*doubles, *unclear}
    for copies in _copies(leave_out(found, [*gone])):
        every = [video for videos in copies for video in videos]
        first = recording_of(every[0].path)
        if contradiction([(first + v.path.removeprefix(recording_of(v.path)), v.label) for v in every]):
            unclear += [video.name for video in every]
        else:
            keep(max(copies, key=lambda videos: sum(video.label is not None for video in videos)), every)
    if doubles:
        say(f'{len(doubles)} videos have the content of another and are left out: {examples(doubles)}')
    if unclear:
        say(
            f'{len(unclear)} videos have the content of another with another label; all are left out: {examples(unclear)}'
        )
    found = leave_out(found, [*doubles, *unclear])
    return Found([replace(video, group=group_of.get(video.name, video.group)) for video in found.videos], found.grouped)


def _has_group(video: Video) -> bool:
    """Whether a table or a pattern names the group of a video. Otherwise it is one of its own."""
    return video.group != without_window(video.name)


def _copies(found: Found) -> list[list[list[Video]]]:
    """The videos of recordings that have the same content, by content and recording. Undivided ones alone are left out: their
    reports tell.
    """
    parts: dict[str, list[Video]] = defaultdict(list)
    for video in found.videos:
        parts[recording_of(video.path)].append(video)
    sizes: dict[int, list[str]] = defaultdict(list)
    for path in parts:
        if os.path.isfile(path):
            sizes[os.path.getsize(path)].append(path)
    same: dict[str, list[list[Video]]] = defaultdict(list)
    for paths in sizes.values():
        if len(paths) > 1 and any(video.path not in parts for path in paths for video in parts[path]):
            for path in paths:
                same[content_of(path)[1]].append(parts[path])
    return [copies for copies in same.values() if len(copies) > 1]


def rate_to_set(found: Found, reports: dict[str, VideoReport], say: Say = print) -> float | None:
    """Frames per second at which clips must be drawn, where counting frames would mix speeds; else None. ``say`` takes a line.

    Beside videos without a rate, such as folders of frames, it is None, too: of these no clip can be drawn by time.
    """
    rates = [FrameRate(reports[video.name].fps, reports[video.name].varies) for video in found.videos]
    rate = spread_of(rates).proposed
    if rate is None:
        return None
    bare = [video.name for video in found.videos if not reports[video.name].fps]
    if bare:
        say(
            f'frame rates differ, and {len(bare)} videos have none, such as {bare[0]}: clips of the pretraining count frames, so '
            'one speed is not the same in all videos'
        )
        return None
    say(f'frame rates differ: clips of the pretraining are drawn at {rate:g} frames per second')
    return rate


def warn_of_near_duplicates(found: Found, split: Split, out: Path, say: Say = print) -> int:
    """Say which clips of one recording seem to be on both sides of a split; return their number.

    Args:
        found: The videos.
        split: The split.
        out: Folder for ``near_duplicates.json``, which keeps the result for the same files on the same sides.
        say: Takes the warning.
    """
    sides = [*split.fit, *split.choice], split.test
    key = digest([[[video.name, _state(video.path)] for video in side] for side in sides])
    kept = read_record(out / NEAR_FILE)
    if kept.get('key') == key:
        pairs = kept['pairs']
    else:
        train, test = ([video.path for video in side] for side in sides)
        known = {video.path: video.name for side in sides for video in side}
        pairs = [[known[path] for path in pair] for pair in near_duplicates(train, test, MOST_COMPARED).pairs]
        write_whole(out / NEAR_FILE, json.dumps(dict(key=key, pairs=pairs)))
    if pairs:
        one, other = pairs[0]
        advice = 'give them one group' if found.grouped else 'give --groups groups.csv or --group-pattern'
        say(
            f'warning: {len(pairs)} of {len(split.test)} test clips look nearly like a training clip, such as {one} and {other}; '
            f'if they are of one recording, every accuracy below is too good: {advice}'
        )
    return len(pairs)


def describe_split(found: Found, split: Split, folder: Path, out: Path, screen: Screen) -> None:
    """Say how many clips each part of a split has, and warn of missing groups, near duplicates and unequal classes.

    Args:
        found: The videos.
        split: The first split.
        folder: Folder of the videos.
        out: Work dir.
        screen: What prints it.
    """
    if not found.grouped:
        alike = 'person or scene' if found.units == 'recordings' else 'person, scene or recording'
        screen.note(
            f'warning: no groups given, so {found.units} of one {alike} may be on both sides of a split, which makes every '
            'accuracy too good'
        )
        clips = [*dict.fromkeys(Clip(recording_of(v.path), str(v.label), v.group) for v in found.labeled)]
        for guess in guess_groups(clips, folder, 1):
            screen.note(
                f'the names suggest {len(set(guess.group_of.values()))} groups: --group-pattern {shlex.quote(guess.pattern)}'
            )
    warn_of_near_duplicates(found, split, out, screen.note)
    unlabeled = len(found.videos) - len(found.labeled)
    groups = len({video.group for video in found.labeled})
    units = 'recordings' if found.units == 'recordings' else 'groups'
    screen.say(
        f'{len(found.labeled)} labelled clips of {len(found.classes)} classes and {groups} {units}, {unlabeled} without label; '
        f'each split learns from {len(split.fit)}, chooses by {len(split.choice)} and tests on {len(split.test)}'
    )
    counts = sorted(sum(video.label == name for video in found.labeled) for name in found.classes)
    if counts[-1] > 2 * counts[0]:
        screen.note(
            f'the classes have {counts[0]} to {counts[-1]} clips: see the mean class accuracy in the report, too'
        )
