"""Packing of feature maps: interrupted and repeated, in processes, by another trunk, and for every pretext method."""

import copy
import io
import os
import re

import numpy as np
import pytest
import torch
from feature_stores import CHANNELS, feature_store, source_videos, write_trunk
from mmengine.dataset import pseudo_collate

from auxskd_mm.apis.feature_trunk import TrunkSpec
from auxskd_mm.apis.pack_features import pack_features
from auxskd_mm.datasets.video_list import UnlabeledVideoDataset
from auxskd_mm.errors import InputError
from auxskd_mm.registry import MODELS


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp('features')
    videos, config = source_videos(folder / 'videos', (40, 44, 48)), write_trunk(folder / 'trunk.py')
    return folder, videos, config, feature_store(folder / 'store', videos, config, variants=2, crop=0.7)


def contents(store):
    return [open(path, 'rb').read() for path in store.shards]


def test_processes_and_repetitions_write_the_same_bytes_and_an_interruption_costs_its_shard(made, tmp_path):
    _, videos, config, store = made
    again = feature_store(tmp_path / 'again', videos, config, variants=2, crop=0.7, workers=2)
    assert contents(again) == contents(store)
    (tmp_path / 'again' / 'store.json').unlink()
    lost, kept = (tmp_path / 'again' / path.rsplit('/', 1)[-1] for path in again.shards[:2])
    lost.unlink()
    before = kept.stat().st_mtime_ns
    with pytest.raises(InputError, match='never finished'):
        UnlabeledVideoDataset(str(tmp_path / 'again'))
    whole = feature_store(tmp_path / 'again', videos, config, variants=2, crop=0.7)
    assert contents(whole) == contents(store)
    assert kept.stat().st_mtime_ns == before


def test_a_store_of_another_trunk_or_other_variants_is_not_mixed_in(made, tmp_path):
    folder, videos, config, _ = made
    other = write_trunk(tmp_path / 'trunk.py', dict(seed=1))
    for path, settings, words in (
        (other, dict(variants=2, crop=0.7), 'trunk'),
        (config, dict(variants=3, crop=0.7), 'variants 2, not 3'),
        (config, dict(variants=2, crop=0.8), 'crop 0.7, not 0.8'),
        (config, dict(variants=2, crop=0.7, grid=(2, 2)), 'grid'),
    ):
        with pytest.raises(InputError, match=f'other settings.*{words}'):
            feature_store(folder / 'store', videos, path, **settings)


def test_a_store_goes_on_where_the_weights_of_its_trunk_lie_now(tmp_path):
    network = dict(type='auxskd_mm.TimmBackbone', model='resnet10t', out_indices=(1,))
    videos = source_videos(tmp_path / 'videos', (8, 9))

    def pack(place, seed):
        torch.manual_seed(seed)
        weights = tmp_path / f'{place}.pth'
        torch.save(MODELS.build(dict(network)).trunk.state_dict(), weights)
        named = dict(network, init_cfg=dict(type='Pretrained', checkpoint=str(weights)))
        trunk = write_trunk(tmp_path / f'{place}_{seed}.py', named)
        return feature_store(tmp_path / 'store', videos, trunk)

    first = pack('here', 0)
    before = contents(first)
    (tmp_path / 'store' / 'store.json').unlink()
    os.unlink(first.shards[0])
    moved = pack('there', 0)
    assert (contents(moved), moved.settings) == (before, first.settings)
    with pytest.raises(InputError, match='other settings'):
        pack('there', 1)


def test_size_and_time_are_printed_before_and_nothing_is_written(made, tmp_path):
    _, videos, config, store = made
    screen = io.StringIO()
    done = pack_features(
        tmp_path / 'none', videos, TrunkSpec(config), variants=2, workers=1, screen=screen, estimate_only=True
    )
    assert done is None
    assert not (tmp_path / 'none').exists()
    frames = 40 + 44 + 48
    kilobytes = frames * 2 * CHANNELS * 16 * 2 / 1e3
    text = screen.getvalue()
    assert f'trunk={store.settings.trunk!r}' in text
    assert float(re.search(r'> features +([\d.]+) kB', text)[1]) == pytest.approx(kilobytes, rel=0.05)  # and headers
    assert ' min ' in text


@pytest.mark.parametrize('setting', [dict(variants=0), dict(crop=0), dict(jitter=(2, 0, 0, 0)), dict(variants=2.0)])
def test_settings_out_of_range(made, tmp_path, setting):
    with pytest.raises(InputError, match=f'{next(iter(setting))}='):
        feature_store(tmp_path / 'none', made[1], made[2], **setting)


BACKBONE = dict(type='auxskd_mm.TemporalConvs', in_channels=CHANNELS, channels=8, blocks=1)
PREPROCESSOR = dict(type='auxskd_mm.FeatureDataPreprocessor', channels=CHANNELS)
MLP = dict(type='auxskd_mm.MLP', in_channels=8, out_channels=8)
SPEED_HEAD = dict(type='auxskd_mm.RelativeSpeedHead', in_channels=8, out_channels=8, kind='linear')
METHODS = dict(
    vspp=(
        dict(type='auxskd_mm.SegmentPaceSample', clip_len=4, num_segments=2, num_speeds=2),
        dict(
            type='Recognizer3D', cls_head=dict(type='auxskd_mm.VSPPHead', in_channels=8, num_speeds=2, num_segments=2)
        ),
        ('pace_label', 'segment_label'),
    ),
    pace=(
        dict(type='auxskd_mm.PaceSample', clip_len=4, paces=(1, 2)),
        dict(type='Recognizer3D', cls_head=dict(type='auxskd_mm.PaceHead', in_channels=8, num_paces=2)),
        ('pace_label',),
    ),
    vcop=(
        dict(type='auxskd_mm.ClipOrderSample', clip_len=4, tuple_len=3, interval=2),
        dict(
            type='auxskd_mm.ClipwiseRecognizer3D',
            cls_head=dict(type='auxskd_mm.ClipOrderHead', in_channels=8, tuple_len=3, hidden_channels=8),
        ),
        ('order_label',),
    ),
    rspnet=(
        dict(type='auxskd_mm.RelativeSpeedSample', clip_len=4, max_speed=2),
        dict(type='auxskd_mm.RSPNet', head_a=SPEED_HEAD, head_m=SPEED_HEAD, queue_size=8, speed=2),
        (),
    ),
    auxskd=(
        dict(type='auxskd_mm.SegmentPaceSample', clip_len=4, num_segments=2, num_speeds=2, num_views=2),
        dict(type='auxskd_mm.AuxSKD', neck=MLP, predictor=MLP, queue_size=8),
        (),
    ),
)


@pytest.mark.parametrize('method', METHODS)
def test_every_method_takes_a_step(made, method):
    sampler, model, labels = METHODS[method]
    steps = [
        dict(type='auxskd_mm.OpenFeatures'), sampler, dict(type='auxskd_mm.DecodeFeatures'),
        dict(type='PackActionInputs', algorithm_keys=labels, meta_keys=('sample_idx',)),
    ]  # fmt: skip
    dataset = UnlabeledVideoDataset(str(made[0] / 'store'), pipeline=steps)
    torch.manual_seed(0)
    np.random.seed(0)
    model = MODELS.build(copy.deepcopy(dict(model, backbone=BACKBONE, data_preprocessor=PREPROCESSOR)))
    if hasattr(model, 'teacher'):
        model.teacher.copy_from(model.student_modules())
    batch = pseudo_collate([dataset[i] for i in range(3)])
    before = [parameter.clone() for parameter in model.backbone.parameters()]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loss, _ = model.parse_losses(model(**model.data_preprocessor(batch, True), mode='loss'))
    loss.backward()
    optimizer.step()
    assert torch.isfinite(loss)
    assert all(not torch.equal(a, b) for a, b in zip(before, model.backbone.parameters()))
