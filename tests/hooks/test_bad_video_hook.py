"""The report of unreadable and short videos, for data sets inside MMEngine's wrappers."""

import pytest
from conftest import write_video
from mmengine.dataset import ConcatDataset

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
