"""Features of video files, compared with a direct run of the model, and written to files that others read."""

import json
import sys

import numpy as np
import pytest
import torch
from conftest import write_video
from mmaction.registry import MODELS
from mmengine.config import Config

from auxskd_mm.apis.extract_features import check_feature_path, extract_features, write_features
from auxskd_mm.datasets.readers import open_reader
from auxskd_mm.errors import InputError
from auxskd_mm.evaluation import FeatureBank, check_comparable

MODEL = dict(
    type='Recognizer3D',
    backbone=dict(type='ResNet3d', depth=18, pretrained=None, base_channels=4, stage_blocks=(1,) * 4),
    cls_head=dict(type='auxskd_mm.VSPPHead', in_channels=32),
    data_preprocessor=dict(type='auxskd_mm.ClipDataPreprocessor'),
)


def config(filename=None, **model):
    pipeline = [
        dict(type='auxskd_mm.OpenVideo', channel_order='bgr'),
        dict(type='auxskd_mm.SegmentPaceSample', clip_len=4, seed=0),
        dict(type='auxskd_mm.DecodeClips'),
        dict(type='CenterCrop', crop_size=32),
        dict(type='FormatShape', input_format='NCTHW'),
        dict(type='PackActionInputs', algorithm_keys=('pace_label', 'segment_label')),
    ]
    dataset = dict(type='auxskd_mm.UnlabeledVideoDataset', pipeline=pipeline)
    return Config(dict(model=dict(MODEL, **model), test_dataloader=dict(dataset=dataset)), filename=filename)


@pytest.fixture
def checkpoint(tmp_path):
    torch.manual_seed(7)
    path = str(tmp_path / 'weights.pth')
    model = MODELS.build(MODEL)
    state = {f'module.{key}': value for key, value in model.state_dict().items() if 'cls_head' not in key}
    torch.save(dict(state_dict=state), path)
    return path


@pytest.fixture
def videos(tmp_path):
    (tmp_path / 'videos').mkdir()
    return [write_video(tmp_path / f'videos/{i}.mp4', num_frames=20 + 7 * i) for i in range(3)]


def extract(*args, **kwargs):
    return extract_features(*args, num_workers=0, device='cpu', **kwargs)


def test_features_are_those_of_the_model_run_by_hand(checkpoint, videos, tmp_path):
    (tmp_path / 'my.py').touch()
    conf = config(filename=str(tmp_path / 'my.py'))
    bank = extract(conf, checkpoint, str(tmp_path / 'videos'), num_clips=3, batch_size=2)
    torch.manual_seed(7)
    backbone = MODELS.build(MODEL).backbone
    backbone.eval()
    for i, path in enumerate(videos):
        last = 20 + 7 * i - 4
        starts = [0, round(last / 2), last]  # 3 evenly spread clips of 4 frames
        frames = open_reader(path, channel_order='bgr').read(list(range(20 + 7 * i)))
        clips = np.stack([frames[s : s + 4] for s in starts])[:, :, 8:40, 16:48]
        with torch.no_grad():
            maps = backbone(torch.from_numpy(clips).float().permute(0, 4, 1, 2, 3))
        np.testing.assert_allclose(bank.features[i], maps.mean((2, 3, 4)).mean(0), rtol=1e-4, atol=1e-4)
    assert bank.names == videos
    assert bank.labels.tolist() == [-1] * 3
    digest = bank.protocol.pop('weights')
    assert len(digest) == 16
    assert bank.protocol == dict(
        pooling='average',
        clips=3,
        config='my.py',
        checkpoint=checkpoint,
        sampler='type=SampleFrames, clip_len=4, frame_interval=1, num_clips=3, test_mode=True',
    )


def test_lists_give_labels_and_bad_videos_are_left_out(checkpoint, videos, tmp_path):
    (tmp_path / 'videos/bad.mp4').write_text('no video')
    names = tmp_path / 'list.txt'
    names.write_text('0.mp4 4\nbad.mp4 0\n2.mp4 6\n')
    bank = extract(config(), checkpoint, str(names), data_prefix=str(tmp_path / 'videos'), num_clips=1)
    assert bank.names == [videos[0], videos[2]]
    assert bank.labels.tolist() == [4, 6]
    alone = extract(config(), checkpoint, [videos[2]], num_clips=1)
    np.testing.assert_allclose(bank.features[1:], alone.features, rtol=1e-4, atol=1e-4)


def test_random_weights_are_those_of_the_seed(checkpoint, videos):
    trained = extract(config(), checkpoint, videos[0], num_clips=1)
    first, again, other = (extract(config(), None, videos[i], num_clips=1, seed=s) for i, s in ((0, 1), (0, 1), (1, 2)))
    np.testing.assert_array_equal(first.features, again.features)
    assert np.abs(first.features - trained.features).max() > 1e-3
    weights = [bank.protocol['weights'] for bank in (first, again, other, trained)]
    assert weights[0] == weights[1]
    assert len(set(weights)) == 3
    # Features of two networks look alike but cannot be searched against each other.
    banks = [FeatureBank(bank.features, np.zeros(1, int), bank.names, bank.protocol) for bank in (first, other)]
    with pytest.raises(InputError, match='gallery and queries differ in weights'):
        check_comparable(*banks)


def test_bad_input(checkpoint, videos, tmp_path):
    wider = dict(MODEL['backbone'], base_channels=8)
    with pytest.raises(InputError, match=r'only 0 of .* backbone tensors fit'):
        extract(config(backbone=wider), checkpoint, videos)
    torch.save(dict(state_dict=dict(head=torch.zeros(1))), tmp_path / 'none.pth')
    with pytest.raises(InputError, match=r'only 0 of .* backbone tensors fit'):
        extract(config(), str(tmp_path / 'none.pth'), videos)
    with pytest.raises(InputError, match='the config has no model'):
        extract(Config(dict()), checkpoint, videos)
    with pytest.raises(InputError, match='pooling='):
        extract(config(), checkpoint, videos, pooling='median')
    with pytest.raises(InputError, match='batch_size=0: expected at least 1'):
        extract(config(), checkpoint, videos, batch_size=0)
    with pytest.raises(InputError, match='num_workers=-1: expected at least 0'):
        extract_features(config(), checkpoint, videos, num_workers=-1)


BANK = FeatureBank(np.arange(6, dtype=np.float32).reshape(2, 3), np.asarray([1, 0]), ['a b.mp4', 'c'], dict(clips=10))


def test_files(tmp_path):
    write_features(tmp_path / 'sub/f.npy', BANK)
    np.testing.assert_array_equal(np.load(tmp_path / 'sub/f.npy'), BANK.features)
    assert (tmp_path / 'sub/f.txt').read_text() == 'a b.mp4\nc\n'
    assert json.loads((tmp_path / 'sub/f.json').read_text()) == dict(clips=10, videos=2)
    write_features(tmp_path / 'f.npz', BANK)
    assert FeatureBank.load(tmp_path / 'f.npz').names == BANK.names


def test_files_that_cannot_be_written(tmp_path, monkeypatch):
    with pytest.raises(InputError, match=r'ends in \.npy, \.npz, \.parquet'):
        check_feature_path(tmp_path / 'f.csv')
    monkeypatch.setitem(sys.modules, 'pyarrow', None)
    monkeypatch.setitem(sys.modules, 'pyarrow.parquet', None)
    with pytest.raises(InputError, match='pip install pyarrow'):
        check_feature_path(tmp_path / 'f.parquet')


def test_a_name_with_a_line_break_is_not_torn_into_two_rows(tmp_path):
    bank = FeatureBank(BANK.features[:2], BANK.labels[:2], ['a\nb.mp4', 'c.mp4'])
    with pytest.raises(InputError, match=r"f\.txt: 1 names hold a line break, such as 'a\\nb\.mp4'"):
        write_features(tmp_path / 'f.npy', bank)
    np.testing.assert_array_equal(np.load(tmp_path / 'f.npy'), bank.features)  # not lost
    assert not (tmp_path / 'f.txt').exists()
