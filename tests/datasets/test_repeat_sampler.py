"""Repetitions that share a decode: the epoch stays what it was, and so does every sample."""

from collections import Counter

import numpy as np
import pytest
import torch
from conftest import read_count, write_video
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader

from auxskd_mm.datasets import RepeatSampler, UnlabeledVideoDataset
from auxskd_mm.datasets.shared_decode import SharedDecode
from auxskd_mm.datasets.transforms import decoding
from auxskd_mm.errors import InputError

VIDEOS = 5
STEPS = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(type='auxskd_mm.SegmentPaceSample', clip_len=4, num_segments=2, num_speeds=2),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Flip', flip_ratio=0.5),
]


@pytest.fixture
def folder(tmp_path):
    for i in range(VIDEOS):
        write_video(tmp_path / f'{i}.mp4', 40)
    return tmp_path


def dataset(folder, repeat=4, pipeline=STEPS):
    return UnlabeledVideoDataset(str(folder), pipeline=pipeline, repeat=repeat)


def test_every_sample_once_and_groups_in_a_row(folder):
    data = dataset(folder, repeat=6)
    sampler = RepeatSampler(data, clips_per_decode=3, seed=0)
    indices = list(sampler)
    assert len(sampler) == len(data) == 30
    assert sorted(indices) == list(range(30))
    videos = [i % VIDEOS for i in indices]
    assert all(len(set(videos[i : i + 3])) == 1 for i in range(0, 30, 3))
    assert Counter(videos) == dict.fromkeys(range(VIDEOS), 6)
    sampler.set_epoch(1)
    assert list(sampler) != indices
    assert sorted(sampler) == list(range(30))
    assert list(RepeatSampler(data, clips_per_decode=3, seed=0)) == indices
    assert list(RepeatSampler(data, clips_per_decode=2, shuffle=False))[:4] == [0, 5, 1, 6]


@pytest.mark.parametrize(('round_up', 'lengths'), [(True, [16, 16, 16]), (False, [16, 12, 12])])
def test_ranks_share_whole_groups(folder, monkeypatch, round_up, lengths):
    data = dataset(folder, repeat=8)
    parts = []
    for rank in range(3):
        monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info', lambda rank=rank: (rank, 3))
        sampler = RepeatSampler(data, clips_per_decode=4, seed=3, round_up=round_up)
        parts.append(list(sampler))
        assert len(sampler) == len(parts[-1])
        assert all(len({i % VIDEOS for i in parts[-1][k : k + 4]}) == 1 for k in range(0, len(parts[-1]), 4))
    assert [len(part) for part in parts] == lengths
    assert set().union(*parts) == set(range(40))


def test_one_decode_a_group_and_each_its_own_draws(folder, monkeypatch):
    opened, read = [], []
    original = decoding.open_reader

    def spy(path, **options):
        reader = original(path, **options)
        opened.append(path)
        inner = reader.read
        reader.read = lambda indices: read.append(list(indices)) or inner(indices)
        return reader

    monkeypatch.setattr(decoding, 'open_reader', spy)
    data = dataset(folder)
    loader = DataLoader(data, batch_size=8, sampler=RepeatSampler(data, clips_per_decode=4, seed=0), collate_fn=list)
    samples = [sample for batch in loader for sample in batch]
    assert len(samples) == 20
    assert len(opened) == len(read) == VIDEOS
    assert all(indices == sorted(set(indices)) for indices in read)
    starts = {}
    for sample in samples:
        shown = [read_count(frame[:, ::-1] if sample['flip'] else frame) for frame in sample['imgs']]
        assert shown == sample['frame_inds'].tolist()
        starts.setdefault(sample['filename'], []).append(tuple(shown))
    assert len({sample['sample_idx'] for sample in samples}) == 20
    # Independent draws: four equal clips of one video would have a chance of 1 in 10^5.
    assert all(len(set(clips)) > 1 for clips in starts.values())
    assert len({sample['flip'] for sample in samples}) == 2


def test_samples_are_those_of_single_reading(folder):
    steps = [*STEPS[:1], dict(STEPS[1], seed=7), STEPS[2]]
    data = dataset(folder, pipeline=steps)
    group = [2, 7, 12, 17]
    for together, idx in zip(data.__getitems__(group), group):
        alone = data[idx]
        assert together['sample_idx'] == alone['sample_idx'] == idx
        assert (together['frame_inds'] == alone['frame_inds']).all()
        assert all((a == b).all() for a, b in zip(together['imgs'], alone['imgs']))
    assert not np.shares_memory(*[sample['imgs'][0] for sample in data.__getitems__([0, 5])])


def test_a_batch_that_tears_a_group_and_a_bad_video(folder):
    (folder / '2.mp4').write_bytes(b'no video')
    data = dataset(folder)
    samples = data.__getitems__([0, 5, 7, 12, 3])
    assert [sample['sample_idx'] % VIDEOS for sample in samples[:2]] == [0, 0]
    assert all(sample['filename'].endswith(('0.mp4', '1.mp4', '3.mp4', '4.mp4')) for sample in samples)
    assert data.bad_count == 1


def test_other_pipelines_are_read_one_by_one(folder):
    data = UnlabeledVideoDataset(str(folder), pipeline=[dict(type='auxskd_mm.OpenVideo')], repeat=2)
    assert [sample['sample_idx'] for sample in data.__getitems__([1, 6])] == [1, 6]


def test_collation_and_batch_size(folder):
    steps = [
        *STEPS,
        dict(type='FormatShape', input_format='NCTHW'),
        dict(type='PackActionInputs', algorithm_keys=('pace_label',)),
    ]
    data = dataset(folder, pipeline=steps)
    sampler = RepeatSampler(data, clips_per_decode=2, seed=0)
    loader = DataLoader(data, batch_size=6, sampler=sampler, collate_fn=pseudo_collate, num_workers=1)
    batches = [len(batch['inputs']) for batch in loader]
    assert batches == [6, 6, 6, 2]
    assert isinstance(next(iter(loader))['inputs'][0], torch.Tensor)


def test_what_does_not_divide_is_refused(folder):
    with pytest.raises(InputError, match=r'clips_per_decode=3: expected a divisor of the repeat=4'):
        RepeatSampler(dataset(folder), clips_per_decode=3)
    with pytest.raises(InputError, match='list has no repeat'):
        RepeatSampler([1, 2], clips_per_decode=2)


@pytest.mark.parametrize('clips', [0, -2])
def test_no_clips_per_decode_are_refused(folder, clips):
    with pytest.raises(InputError, match=rf'clips_per_decode={clips}: expected a divisor of the repeat=4'):
        RepeatSampler(dataset(folder), clips_per_decode=clips)


def test_more_ranks_than_groups_share_what_there_is(folder, monkeypatch):
    """Five videos in a group each, and twelve ranks: ranks 5 to 9 get the groups again, and the last two once more."""
    parts = []
    for rank in range(12):
        monkeypatch.setattr('mmengine.dataset.sampler.get_dist_info', lambda rank=rank: (rank, 12))
        parts.append(list(RepeatSampler(dataset(folder), clips_per_decode=4, shuffle=False)))
    assert parts == [[rank % VIDEOS + VIDEOS * i for i in range(4)] for rank in range(12)]


class Stage:
    """A step of a pipeline that drops samples, or opens no video."""

    def __init__(self, drops=(), reader=None):
        self.drops, self.reader = drops, reader

    def __call__(self, results):
        if self.reader is not None:
            results.setdefault('video_reader', self.reader)
        return None if results['number'] in self.drops else results


class Decoder(decoding.DecodeClips):
    def decode(self, group):
        return [dict(results, decoded=len(group)) for results in group]


def test_what_cannot_be_decoded_together_is_left_to_single_reading():
    def run(*steps):
        return SharedDecode(steps)([dict(number=number) for number in range(3)])

    opened = Stage(reader='reader')
    assert [sample['decoded'] for sample in run(opened, Decoder(), Stage())] == [3, 3, 3]
    assert run(opened, Decoder(), Decoder()) is None  # which of them is to decode?
    assert run(opened) is None
    assert run(Stage(), Decoder()) is None  # no video is open
    assert run(Stage(drops=[1], reader='reader'), Decoder()) is None
    assert run(opened, Decoder(), Stage(drops=[2]), Stage()) is None
