"""Data samples of pretext tests: right answers, answers at random and a constant answer for 24 videos of two clips."""

import numpy as np
import torch

VIDEOS = 24
CLASSES = dict(pace=4, order=6, speed=2, segment=4)


def answers(kind, how, seed):
    """Samples of pace, order, speed, or of VSPP's pair of tasks."""
    rng = np.random.default_rng(seed)
    tasks = ('pace', 'segment') if kind == 'vspp' else (kind,)
    return [_sample(video, tasks, how, rng) for video in range(VIDEOS)]


def _sample(video, tasks, how, rng):
    sample = dict(filename=f'{video}.mp4')
    for task in tasks:
        label = np.array([0, 1]) if task == 'speed' else rng.integers(CLASSES[task], size=2)
        guess = dict(right=label, random=rng.integers(CLASSES[task], size=2), constant=np.zeros(2, int))[how]
        sample[f'{task}_label'] = label
        sample[f'pred_{task}'] = torch.nn.functional.one_hot(torch.from_numpy(guess), CLASSES[task]).float()
    return sample


def ranks(how, seed):
    """Samples of three clips of a video at different speeds."""
    rng = np.random.default_rng(seed)
    made = []
    for video in range(VIDEOS):
        speeds = rng.permutation([1.0, 2.0, 4.0]).astype(np.float32)
        scores = dict(right=speeds, random=rng.random(3).astype(np.float32), constant=np.ones(3, np.float32))[how]
        made.append(dict(filename=f'{video}.mp4', clip_speed=speeds, speed_score=torch.from_numpy(scores)))
    return made
