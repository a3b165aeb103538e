"""Features against a loop, in one process and two, and nothing of the model or the random streams changed."""

import multiprocessing
import random

import numpy as np
import pytest
import torch
import torch.distributed as dist
from mmaction.registry import MODELS
from mmaction.structures import ActionDataSample
from mmengine.dataset import DefaultSampler, pseudo_collate
from mmengine.model import BaseDataPreprocessor
from torch import nn
from torch.utils.data import DataLoader, Dataset

from auxskd_mm.errors import InputError
from auxskd_mm.evaluation.feature_extraction import evaluating, extract_bank
from auxskd_mm.random_state import untouched_random_state


class Videos(Dataset):
    """Videos of 3 random clips; the one named by ``bad`` is replaced, as in a test-mode data set."""

    def __init__(self, count=7, bad=(), names=True):
        self.inputs = torch.randn(count, 3, 2, 2, 4, 4, generator=torch.Generator().manual_seed(0))
        self.bad, self.names = bad, names

    def __len__(self):
        return len(self.inputs)

    def __getitem__(self, i):
        sample = ActionDataSample()
        if self.names:
            sample.set_metainfo(dict(filename=f'{i}.mp4'))
        sample.set_gt_label(10 + i)
        if i in self.bad:
            sample.set_metainfo(dict(replacement=True))
        return dict(inputs=self.inputs[i], data_samples=sample)


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.data_preprocessor = Stack()
        torch.manual_seed(1)
        self.backbone = nn.Sequential(nn.Conv3d(2, 5, 1), nn.BatchNorm3d(5), nn.Dropout(0.5), nn.Conv3d(5, 4, 1))
        self.head = nn.Linear(4, 2)


class Stack(BaseDataPreprocessor):
    def forward(self, data, training=False):
        return dict(inputs=torch.stack(data['inputs']), data_samples=data['data_samples'])


def loader(dataset=None, batch_size=3, **kwargs):
    dataset = Videos() if dataset is None else dataset
    sampler = DefaultSampler(dataset, shuffle=False, seed=0)
    return DataLoader(dataset, batch_size, sampler=sampler, collate_fn=pseudo_collate, **kwargs)


def by_hand(model, dataset):
    backbone = model.backbone.eval()
    with torch.no_grad():
        return np.stack([backbone(clips).mean((2, 3, 4)).mean(0).numpy() for clips in dataset.inputs])


@pytest.mark.parametrize('batch_size', [1, 3, 7, 16])
def test_against_a_loop(batch_size):
    model = Model()
    bank = extract_bank(model, loader(batch_size=batch_size))
    np.testing.assert_allclose(bank.features, by_hand(Model(), Videos()), atol=1e-6)
    assert bank.labels.tolist() == list(range(10, 17))
    assert bank.names == [f'{i}.mp4' for i in range(7)]
    assert bank.protocol == dict(pooling='average', clips=3)


def test_a_video_without_a_label_has_minus_1():
    videos = Videos()
    bare = [videos[i] for i in range(7)]
    del bare[3]['data_samples'].gt_label
    bank = extract_bank(Model(), loader(bare))
    assert bank.labels.tolist() == [10, 11, 12, -1, 14, 15, 16]


def test_replaced_videos_are_left_out():
    bank = extract_bank(Model(), loader(Videos(bad=(2, 5))))
    assert bank.labels.tolist() == [10, 11, 13, 14, 16]


def test_modes_statistics_and_random_streams_stay():
    model = Model().train()
    model.backbone[1].eval()  # frozen
    modes = [module.training for module in model.modules()]
    before = {key: value.clone() for key, value in model.state_dict().items()}

    def draws():
        return random.random(), np.random.rand(), torch.rand(1).item()

    def seed():
        random.seed(3), np.random.seed(3), torch.manual_seed(3)

    seed()
    expected = draws()
    seed()
    extract_bank(model, loader(num_workers=1))  # starting a loader with workers draws a seed for them
    assert draws() == expected
    assert [module.training for module in model.modules()] == modes
    for key, value in model.state_dict().items():
        assert torch.equal(value, before[key])


def test_contexts_restore_after_an_error():
    model = Model().train()
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)

    def fail():
        with evaluating(model), untouched_random_state():
            assert not model.backbone.training
            torch.rand(5)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert model.backbone.training
    assert torch.equal(torch.rand(1), expected)


def _rank(rank, path, queue):
    dist.init_process_group('gloo', init_method=f'file://{path}', rank=rank, world_size=2)
    bank = extract_bank(Model(), loader(Videos(bad=(1,))))
    queue.put((rank, bank.features.tobytes(), bank.labels.tolist(), bank.names))
    dist.barrier()
    dist.destroy_process_group()


def test_two_ranks_get_what_one_gets(tmp_path):
    context = multiprocessing.get_context('fork')
    queue = context.Queue()
    ranks = [context.Process(target=_rank, args=(i, tmp_path / 'store', queue)) for i in range(2)]
    for process in ranks:
        process.start()
    answers = [queue.get(timeout=60) for _ in ranks]
    for process in ranks:
        process.join(60)
    # 7 videos on 2 ranks: the sampler pads with the first one, and one is unreadable.
    alone = extract_bank(Model(), loader(Videos(bad=(1,))))
    for _, features, labels, names in answers:
        assert (labels, names) == (alone.labels.tolist(), alone.names)
        np.testing.assert_allclose(np.frombuffer(features, np.float32).reshape(6, -1), alone.features, atol=1e-6)


def test_bad_input():
    with pytest.raises(InputError, match='samples without a filename'):
        extract_bank(Model(), loader(Videos(names=False)))
    frames = Videos()
    frames.inputs = frames.inputs[:, :, :, 0]
    with pytest.raises(InputError, match=r'need clips \(B, V, C, T, H, W\), got \(3, 3, 2, 4, 4\)'):
        extract_bank(Model(), loader(frames))
    assert len(extract_bank(Model(), loader(Videos(bad=range(7))))) == 0


def test_a_stock_recogniser_of_frames_gives_features_of_clips_and_still_takes_frames():
    torch.manual_seed(0)
    backbone = dict(type='ResNetTSM', depth=18, pretrained=None, num_segments=4)
    model = MODELS.build(dict(type='Recognizer2D', backbone=backbone)).eval()
    model.data_preprocessor = Stack()
    videos = Videos(count=2)
    videos.inputs = torch.rand(2, 3, 3, 4, 16, 16)  # 3 clips of 4 frames
    with torch.no_grad():
        frames = model.backbone(videos.inputs[1].transpose(1, 2).flatten(0, 1))  # before anything is changed
    bank = extract_bank(model, loader(videos))
    np.testing.assert_allclose(bank.features[1], frames.mean((0, 2, 3)).numpy(), rtol=1e-4, atol=1e-6)
    with torch.no_grad():
        assert torch.equal(model.backbone(videos.inputs[1].transpose(1, 2).flatten(0, 1)), frames)
