"""Videos, splits and rows that no file stands behind."""

import numpy as np

from auxskd_mm.own_videos.scores import Row
from auxskd_mm.own_videos.splits import make_splits
from auxskd_mm.own_videos.videos import Found, Video


def videos(classes=2, groups=6, each=5, unlabeled=0):
    """``each`` clips of every class in every group."""
    made = [
        Video(f'c{c}/g{g}_{i}.mp4', f'/v/c{c}/g{g}_{i}.mp4', f'c{c}', f'g{g}')
        for c in range(classes)
        for g in range(groups)
        for i in range(each)
    ]
    made += [Video(f'pool/{i}.mp4', f'/v/pool/{i}.mp4', None, f'pool/{i}.mp4') for i in range(unlabeled)]
    return Found(sorted(made, key=lambda video: video.name), True)


def splits_of(found, count=5):
    return make_splits(found, count, lambda line: None)


def row(found, splits, share, name='late_frozen', seed=0, **kind):
    """A row that is right in about a share of the clips of each split."""
    number = {label: i for i, label in enumerate(found.classes)}
    rng = np.random.default_rng([seed, len(name)])
    family = name.split('_')[0]
    kind = dict(family=family, learner=family, phase=None, trains=False, still=False) | kind
    made = Row(name, name.replace('_', ' '), **kind)
    for split in splits:
        answers = {}
        for video in [*split.choice, *split.test]:
            right = number[video.label]
            wrong = (right + 1) % len(number)
            answers[video.name] = right if rng.random() < share else wrong
        made.predictions[split.seed] = answers
        shares = {video.name: i % 10 / 10 for i, video in enumerate(split.test)}
        curve = {'1': {name: share / 2 for name, share in shares.items()}, '0': shares}
        if not made.trains:
            made.curves[split.seed] = lambda curve=curve: curve
    return made
