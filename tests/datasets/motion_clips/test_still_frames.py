"""A single frame does not give the class away; the change from frame to frame does, to the same classifiers."""

import cv2
import numpy as np
import pytest
from scipy.stats import binomtest
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from auxskd_mm.datasets.motion_clips import MOTIONS, MotionClipsSettings, draw_scene, render_scene
from auxskd_mm.datasets.motion_clips.encode import write_h264
from auxskd_mm.datasets.readers import open_reader

CLASSIFIERS = {
    'linear': lambda: make_pipeline(StandardScaler(), LogisticRegression(C=0.1, max_iter=300)),
    'forest': lambda: RandomForestClassifier(100, min_samples_leaf=2, random_state=0),
    'nearest': lambda: make_pipeline(StandardScaler(), KNeighborsClassifier(1)),
}
FRAMES, STILL_CLIPS, MOVING_CLIPS = 20, 60, 32


def still_features(frame: np.ndarray) -> np.ndarray:
    """Small picture, colour histogram, edge directions, sharpness, and how much of the frame is bold (objects)."""
    grey = cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY).astype(np.float32)
    across, down = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    edges = np.histogram(np.arctan2(down, across), 8, (-np.pi, np.pi), weights=np.hypot(across, down))[0]
    sharp = np.abs(cv2.Laplacian(grey, cv2.CV_32F))
    bold = np.abs(frame.astype(np.float32) - np.median(frame, axis=(0, 1))).max(axis=2) > 90
    counts = [np.histogram(frame[..., channel], 8, (0, 256))[0] / grey.size for channel in range(3)]
    small = cv2.resize(frame, (12, 9), interpolation=cv2.INTER_AREA).ravel() / 255
    return np.concatenate([small, *counts, edges / edges.sum(), np.percentile(sharp, [50, 75, 90, 99]), [bold.mean()]])


def flow_features(frames: np.ndarray) -> np.ndarray:
    """Over time: how the fastest tenth or so of the frame moves, widens, turns and shears against the background."""
    estimator = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    grey = [cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames]
    rows = []
    for one, two in zip(grey, grey[1:]):
        flow = estimator.calc(one, two, None)
        flow -= np.median(flow, axis=(0, 1))
        dx, dy = np.diff(flow, axis=1)[:-1], np.diff(flow, axis=0)[:, :-1]
        widen, turn = dx[..., 0] + dy[..., 1], dx[..., 1] - dy[..., 0]
        shear = np.hypot(dx[..., 0] - dy[..., 1], dx[..., 1] + dy[..., 0])
        pace = np.hypot(flow[..., 0], flow[..., 1])
        fast = pace > np.percentile(pace, 85)
        mean, inner = flow[fast].mean(axis=0), fast[:-1, :-1]
        spread = [np.abs(widen).mean(), np.abs(turn).mean(), shear.mean(), pace.mean(), pace[fast].std()]
        rows.append([*mean, np.hypot(*mean), widen[inner].mean(), turn[inner].mean(), *spread])
    series = np.array(rows)
    echoes = [(series[lag:] * series[:-lag]).mean(axis=0) for lag in (4, 8, 12)]
    ends = series.std(axis=0), series.min(axis=0), series.max(axis=0)
    return np.concatenate([series.mean(axis=0), np.abs(series.mean(axis=0)), *ends, *echoes])


@pytest.fixture(scope='module')
def sample(tmp_path_factory):
    """Features of one decoded frame of many clips, those of the motion of the first of them, and labels of either."""
    settings = MotionClipsSettings(frames=FRAMES, seed=5)
    path = tmp_path_factory.mktemp('clips') / 'clip.mp4'
    rng = np.random.default_rng(0)
    still, moving = [], []
    for index in range(STILL_CLIPS):
        for motion in MOTIONS:
            frames = render_scene(draw_scene(settings, 'train', motion, index))
            write_h264(path, frames, fps=settings.fps, gop=settings.gop, qp=settings.qp)
            reader = open_reader(str(path))
            frames = np.stack(reader.read(range(FRAMES)))
            reader.close()
            still.append(still_features(frames[rng.integers(FRAMES)]))
            if index < MOVING_CLIPS:
                moving.append(flow_features(frames))
    labels = np.tile(np.arange(len(MOTIONS)), STILL_CLIPS)
    return np.array(still), np.array(moving), labels


def held_out_hits(classifier, features: np.ndarray, labels: np.ndarray) -> tuple[int, int]:
    """Correct answers on the last two fifths after training on the rest, and how many were asked."""
    cut = len(features) * 3 // 5
    fitted = classifier.fit(features[:cut], labels[:cut])
    return int((fitted.predict(features[cut:]) == labels[cut : len(features)]).sum()), len(features) - cut


@pytest.mark.parametrize('name', CLASSIFIERS)
def test_stills_stay_at_chance_and_motion_does_not(sample, name):
    still, moving, labels = sample
    chance = 1 / len(MOTIONS)
    hits, asked = held_out_hits(CLASSIFIERS[name](), still, labels)
    low, high = binomtest(hits, asked, chance).proportion_ci(0.99)
    assert low <= chance <= high, f'{hits} of {asked}'
    hits, asked = held_out_hits(CLASSIFIERS[name](), moving, labels)
    assert hits / asked > 3 * chance, f'{hits} of {asked}'
    assert binomtest(hits, asked, chance, alternative='greater').pvalue < 1e-9
