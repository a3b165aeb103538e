"""The report of unreadable and short videos, for data sets inside MMEngine's wrappers."""

import logging

import pytest
from conftest import write_video
from mmengine.dataset import ConcatDataset
from mmengine.evaluator import BaseMetric, Evaluator

from auxskd_mm.datasets import UnlabeledVideoDataset
from auxskd_mm.datasets.resumable import SeededSamples
from auxskd_mm.hooks import bad_video_hook

PIPELINE = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(type='auxskd_mm.SegmentPaceSample', clip_len=16),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='FormatShape', input_format='NCTHW'),
]


class Loader:
    def __init__(self, dataset):
        self.dataset = dataset


@pytest.mark.parametrize('seeded', [False, True])  # by our loops
def test_joined_data_sets_are_counted_once(tmp_path, monkeypatch, seeded):
    said = []
    monkeypatch.setattr(bad_video_hook, 'print_log', lambda text, **_: said.append(text))
    parts = []
    for name in ('a', 'b'):
        folder = tmp_path / name
        folder.mkdir()
        for i in range(3):
            write_video(folder / f'{i}.mp4', num_frames=8)
        (folder / 'bad.mp4').write_bytes(b'no video')
        parts.append(UnlabeledVideoDataset(str(folder), pipeline=PIPELINE, max_bad_share=0.5))
    joined = ConcatDataset(parts)
    dataset = SeededSamples(joined) if seeded else joined
    for index in range(len(dataset)):
        dataset[index]
    bad_video_hook.BadVideoHook()._report('training', Loader(dataset))
    short, bad = said
    assert bad.startswith('2 of 8 training videos could not be read')
    assert short.startswith('6 of the 6 training videos')


class Loop:
    def __init__(self):
        self.evaluator = Evaluator(Counting())


class Counting(BaseMetric):
    def process(self, data_batch, data_samples):
        self.results.extend(data_samples)

    def compute_metrics(self, results):
        return dict(samples=len(results))


class FakeRunner:
    """What the hook asks of a Runner: three data sets with a broken and short videos, and its loops."""

    def __init__(self, folder):
        for i in range(3):
            write_video(folder / f'{i}.mp4', num_frames=8)
        for i in range(2):
            (folder / f'bad{i}.mp4').write_bytes(b'no video')
        for kind in ('train', 'val', 'test'):
            dataset = UnlabeledVideoDataset(str(folder), pipeline=PIPELINE, max_bad_share=0.5, repeat=2)
            setattr(self, f'{kind}_dataloader', Loader(dataset))
            setattr(self, f'{kind}_loop', Loop())
        self.iter = 0

    def read(self, kind):
        dataset = getattr(self, f'{kind}_dataloader').dataset
        for index in range(len(dataset)):
            dataset[index]


@pytest.fixture
def runner(tmp_path):
    return FakeRunner(tmp_path)


@pytest.fixture
def said(monkeypatch):
    """Lines and levels of the log."""
    lines = []
    monkeypatch.setattr(bad_video_hook, 'print_log', lambda text, **kwargs: lines.append((text, kwargs['level'])))
    return lines


@pytest.mark.parametrize(
    ('call', 'kind', 'word', 'then'),
    [
        ('after_train', 'train', 'training', ''),
        ('after_val', 'val', 'validation', ' and are left out of the score'),
        ('after_test', 'test', 'test', ' and are left out of the score'),
    ],
)
def test_what_is_said_at_the_end(runner, said, call, kind, word, then, tmp_path):
    getattr(bad_video_hook.BadVideoHook(), call)(runner)
    assert said == []  # nothing was read
    runner.read(kind)
    getattr(bad_video_hook.BadVideoHook(), call)(runner)
    (short, _), (bad, level) = said
    assert short.startswith(f'3 of the 3 {word} videos')
    assert bad == f'2 of 5 {word} videos could not be read{then}:\n  {tmp_path}/bad0.mp4\n  {tmp_path}/bad1.mp4'
    assert level == logging.WARNING


def test_many_unreadable_videos_are_counted_and_not_all_named(runner, said, tmp_path):
    runner.read('test')
    for most, shown in (
        (1, f'{tmp_path}/bad0.mp4\n  ... and 1 more'),
        (2, f'{tmp_path}/bad0.mp4\n  {tmp_path}/bad1.mp4'),
    ):
        said.clear()
        bad_video_hook.BadVideoHook(most).after_test(runner)
        assert said[-1][0].endswith(f'score:\n  {shown}')


def test_short_videos_are_said_once_after_the_first_steps_or_the_first_epoch(runner, said):
    hook = bad_video_hook.BadVideoHook()
    runner.read('train')
    for runner.iter in range(19):
        hook.after_train_iter(runner, runner.iter)
    assert said == []
    runner.iter = 19  # the twentieth step
    hook.after_train_iter(runner, 19)
    assert [text[:24] for text, _ in said] == ['3 of the 3 training vide']
    hook.after_train_epoch(runner)
    assert len(said) == 1
    hook.after_test(runner)
    assert len(said) == 1  # of the test set nothing was read
    fresh = bad_video_hook.BadVideoHook()
    fresh.after_train_epoch(runner)
    assert len(said) == 2


@pytest.mark.parametrize('kind', ['val', 'test'])
def test_metrics_leave_out_what_replaces_a_video(runner, kind):
    getattr(bad_video_hook.BadVideoHook(), f'before_{kind}')(runner)
    evaluator = getattr(runner, f'{kind}_loop').evaluator
    evaluator.process([dict(number=0), dict(number=1, replacement=True)])
    assert evaluator.evaluate(2) == dict(samples=1)
