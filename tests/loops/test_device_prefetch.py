"""Batches fetched ahead: the same ones, copied beside the step, waited for, and kept until the step is done with them."""

import os
import signal
from collections import namedtuple

import pytest
import runs
import torch
import toy_distillation as toy
from fake_cuda import FakeCuda, OnDevice, pinned
from mmaction.structures import ActionDataSample
from mmengine.hooks import Hook
from mmengine.model import BaseDataPreprocessor
from tool_runs import tiny_clips
from torch import nn

from auxskd_mm.errors import InputError, Preempted
from auxskd_mm.loops import device_prefetch
from auxskd_mm.loops.device_prefetch import device_of, prefetch
from auxskd_mm.registry import DATASETS

DEVICE = torch.device('cuda')
Pair = namedtuple('Pair', 'clip note')


@pytest.fixture
def cuda(monkeypatch):
    return FakeCuda(monkeypatch)


@pytest.fixture
def borrowed(monkeypatch):
    """Trainings believe that they are on a CUDA device, whose streams are notes and whose memory is the host's."""
    cuda = FakeCuda(monkeypatch)
    monkeypatch.setattr(device_prefetch, 'BaseDataPreprocessor', lambda non_blocking: HostPreprocessor(cuda))
    monkeypatch.setattr('auxskd_mm.loops.resumable_loops.device_of', lambda model: DEVICE)
    return cuda


class HostPreprocessor(BaseDataPreprocessor):
    def __init__(self, cuda):
        super().__init__(non_blocking=True)
        self.cuda = cuda

    def to(self, device):
        return self

    def cast_data(self, data):
        if isinstance(data, torch.Tensor):
            self.cuda.put(f'copy {len(self.cuda.before)}')
            return data.clone()
        return super().cast_data(data)


def source(items, fetched=None, closed=None):
    try:
        for item in items:
            if fetched is not None:
                fetched.append(item)
            yield item
    finally:
        if closed is not None:
            closed.append(True)


def batch(cuda, number):
    sample = ActionDataSample(metainfo=dict(filename=f'{number}.mp4'))
    sample.set_field(pinned([number], cuda, f'{number} label'), 'pace_label', dtype=torch.Tensor)
    clip = pinned([float(number)], cuda, f'{number} clip')
    return number, dict(inputs=[clip], pair=Pair(pinned([2.0], cuda, f'{number} pair'), 'note'), data_samples=[sample])


PARTS = ('clip', 'label', 'pair')


def test_batches_keep_their_order_structure_and_content(cuda):
    given = [batch(cuda, number) for number in range(3)]
    taken = list(prefetch(source(given), DEVICE))
    assert [number for number, _ in taken] == [0, 1, 2]
    for (number, before), (_, after) in zip(given, taken):
        assert list(after) == list(before)
        (clip,), (sample,) = after['inputs'], after['data_samples']
        assert isinstance(after['inputs'], list)
        assert isinstance(after['pair'], Pair)
        assert after['pair'].note == 'note'
        assert isinstance(sample, ActionDataSample)
        assert sample.filename == f'{number}.mp4'
        tensors = (clip, sample.pace_label, after['pair'].clip)
        assert all(isinstance(tensor, OnDevice) for tensor in tensors)
        assert [float(tensor) for tensor in tensors] == [number, number, 2]


def test_copies_run_beside_the_step_before_and_are_waited_for(cuda):
    for number, _ in prefetch(source([batch(cuda, number) for number in range(4)]), DEVICE):
        for part in PARTS:
            # Kept for the step's stream before the step begins: the loop could drop the batch at any time after it.
            assert cuda.held[f'{number} {part}'] == {cuda.main}
        cuda.put(f'step {number}')
    for number in range(4):
        for part in PARTS:
            assert cuda.on[f'copy {number} {part}'] is not cuda.main
            assert f'copy {number} {part}' in cuda.before[f'step {number}']
            if number:
                assert cuda.apart(f'copy {number} {part}', f'step {number - 1}')
                # The host had queued the copy when it began with the step, so that it can run beside all of it.
                assert cuda.order().index(f'copy {number} {part}') < cuda.order().index(f'step {number - 1}')


def test_one_batch_ahead_and_no_more():
    fetched = []
    with pytest.MonkeyPatch.context() as patch:
        FakeCuda(patch)
        for number in prefetch(source(range(5), fetched), DEVICE):
            assert len(fetched) == min(number + 2, 5)


def test_an_error_waits_for_its_turn(cuda):
    def failing():
        yield 0
        yield 1
        raise ValueError('batch 2')

    ahead = prefetch(failing(), DEVICE)
    assert [next(ahead), next(ahead)] == [0, 1]
    with pytest.raises(ValueError, match='batch 2'):
        next(ahead)


def test_closing_closes_the_source(cuda):
    closed = []
    batches = source(range(5), closed=closed)  # the name keeps it from being closed as garbage
    ahead = prefetch(batches, DEVICE)
    next(ahead)
    assert not closed
    ahead.close()
    assert closed == [True]


def test_an_empty_epoch(cuda):
    assert list(prefetch(source([]), DEVICE)) == []


@pytest.mark.parametrize('device', [None, torch.device('cpu'), torch.device('meta')])
def test_nothing_differs_without_cuda(device):
    batches = source([1, 2])
    assert prefetch(batches, device) is batches


def test_the_device_is_that_of_the_preprocessor():
    model = nn.Module()
    assert device_of(model) is None
    model.data_preprocessor = BaseDataPreprocessor().to('meta')
    assert device_of(model) == torch.device('meta')


def test_what_the_preprocessor_gets_it_need_not_copy():
    moved = torch.zeros(2, device='meta')
    assert BaseDataPreprocessor().to('meta').cast_data(dict(inputs=[moved]))['inputs'][0] is moved


@pytest.mark.parametrize('loop', [dict(max_epochs=2), dict(type='IterBasedTrainLoop', max_iters=8)])
def test_training_ahead_is_training(loop, tmp_path, borrowed):
    def trained(name, **changes):
        train_cfg = dict(dict(type='EpochBasedTrainLoop'), **loop, **changes)
        options = dict(log_processor=dict(type='LogProcessor', by_epoch='max_epochs' in loop))
        runner = toy.toy_runner(tmp_path / name, train_cfg=train_cfg, **options)
        runner.train()
        return runner.model.state_dict()

    plain = trained('plain', prefetch=False)
    assert borrowed.order() == []
    assert toy.same(trained('ahead'), plain) == []
    assert len(borrowed.order()) == 2 * 8  # 8 batches of two clips: none is read that no step uses


def train_clips(data, folder, *hooks, **changes):
    runs.runner_of(runs.config_of('auxskd', data, folder, changes), *hooks).train()


@pytest.fixture(scope='module')
def whole(tmp_path_factory):
    """Clips, and what a training without prefetching and interruption saw of them and left."""
    folder, seen = tmp_path_factory.mktemp('whole'), runs.Noted()
    with pytest.MonkeyPatch.context() as patch:
        cuda = FakeCuda(patch)
        train_clips(tiny_clips(folder / 'clips'), folder / 'run', seen, **{'train_cfg.prefetch': False})
        assert cuda.order() == []
    return folder / 'clips', seen.seen, folder / 'run' / 'epoch_2.pth'


@pytest.mark.parametrize('workers', [0, 2])
def test_a_batch_fetched_and_not_used_comes_again_after_a_resume(workers, whole, tmp_path, borrowed):
    (data, seen, checkpoint), options = whole, {'train_dataloader.num_workers': workers}
    before, after = runs.Noted(), runs.Noted()
    with pytest.raises(Preempted):
        train_clips(data, tmp_path, before, runs.SignalAt(5), **options)
    train_clips(data, tmp_path, after, **options, resume=True)
    assert len(before.seen) == 6
    assert borrowed.order()
    assert before.seen + after.seen == seen
    assert runs.unequal(tmp_path / 'epoch_2.pth', checkpoint) == []


@DATASETS.register_module(force=True)
class DeadlyClips(toy.ToyClips):
    """Toy clips; the process that reads the fifth dies, once."""

    def __init__(self, mark):
        super().__init__()
        self.mark = mark

    def __getitem__(self, index):
        if index == 4 and not os.path.exists(self.mark):
            open(self.mark, 'w').close()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__getitem__(index)


class Seen(Hook):
    def __init__(self):
        self.values = []

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        self.values.append((batch_idx, [float(clip.sum()) for clip in data_batch['inputs']]))


def test_workers_that_die_are_replaced_and_no_batch_is_lost(tmp_path, borrowed):
    def seen(name, mark):
        hook = Seen()
        loader = dict(
            dataset=dict(type='auxskd_mm.DeadlyClips', mark=str(mark)),
            batch_size=2,
            num_workers=1,
            sampler=dict(type='DefaultSampler', shuffle=True, seed=3),
        )
        toy.toy_runner(tmp_path / name, hook, train_dataloader=loader).train()
        return hook.values

    (tmp_path / 'died').touch()
    expected = seen('whole', tmp_path / 'died')
    assert len(expected) == 8
    assert seen('dying', tmp_path / 'mark') == expected
    assert (tmp_path / 'mark').exists()


def test_unknown_setting(tmp_path):
    loop = dict(type='EpochBasedTrainLoop', max_epochs=1, prefetch='cuda')
    with pytest.raises(InputError, match=r"train_cfg\.prefetch='cuda': expected True or False"):
        toy.toy_runner(tmp_path, train_cfg=loop).train()
