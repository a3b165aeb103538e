"""Trained on a store, used on videos: the same losses step by step, and the same predictions after joining."""

import copy

import numpy as np
import pytest
import torch
from feature_stores import FRAME_PREPROCESSOR, FRAME_STEPS, feature_store, source_videos, write_trunk
from mmengine.config import Config
from mmengine.dataset import pseudo_collate

from auxskd_mm.apis.inference import init_model
from auxskd_mm.apis.join_trunk import join_trunk
from auxskd_mm.datasets.packing import pack_videos
from auxskd_mm.datasets.stores import StoreSettings
from auxskd_mm.datasets.video_list import UnlabeledVideoDataset
from auxskd_mm.errors import InputError
from auxskd_mm.registry import MODELS

TRUNK = dict(type='auxskd_mm.TimmBackbone', model='resnet10t', out_indices=(2,))
TOP = dict(type='auxskd_mm.TemporalConvs', in_channels=128, channels=8, blocks=1, factorised=True)
HEAD = dict(type='auxskd_mm.VSPPHead', in_channels=8, num_speeds=2, num_segments=2)
SAMPLE = dict(type='auxskd_mm.SegmentPaceSample', clip_len=4, num_segments=2, num_speeds=2)
PACK = dict(type='PackActionInputs', algorithm_keys=('pace_label', 'segment_label'))
ON_FEATURES = [dict(type='auxskd_mm.OpenFeatures', trunk=TRUNK), SAMPLE, dict(type='auxskd_mm.DecodeFeatures'), PACK]
ON_VIDEOS = [
    dict(type='auxskd_mm.OpenVideo'),
    SAMPLE,
    dict(type='auxskd_mm.DecodeClips'),
    *FRAME_STEPS,
    dict(type='FormatShape', input_format='NCTHW'),
    PACK,
]


def config_of(backbone, preprocessor, pipeline):
    loader = dict(dataset=dict(type='auxskd_mm.UnlabeledVideoDataset', source='x', pipeline=copy.deepcopy(pipeline)))
    model = dict(type='Recognizer3D', backbone=backbone, cls_head=HEAD, data_preprocessor=preprocessor)
    return Config(copy.deepcopy(dict(default_scope='mmaction', model=model, test_dataloader=loader)))


def on_videos(**changes):
    return config_of(
        dict(TRUNK, frozen_stages='all', grid=(3, 3), temporal=TOP, **changes), FRAME_PREPROCESSOR, ON_VIDEOS
    )


def on_features():
    return config_of(TOP, dict(type='auxskd_mm.FeatureDataPreprocessor', channels=128), ON_FEATURES)


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    """Videos, and a store of a trunk whose weights are in a file."""
    folder = tmp_path_factory.mktemp('join')
    videos = source_videos(folder / 'videos', (20, 26, 33, 21))
    from mmengine.registry import init_default_scope

    init_default_scope('mmaction')
    torch.manual_seed(5)
    trunk = MODELS.build(dict(TRUNK))
    torch.save(dict(state_dict={f'backbone.{k}': v for k, v in trunk.state_dict().items()}), folder / 'trunk.pth')
    path = write_trunk(folder / 'trunk.py', TRUNK, more=f'load_from = {str(folder / "trunk.pth")!r}')
    feature_store(folder / 'store', videos, path, grid=(3, 3))
    return folder


def batches(dataset, count=3, size=4):
    for step in range(count):
        np.random.seed(step)
        yield pseudo_collate([dataset[i] for i in range(size)])


def losses(model, dataset, steps=3):
    """Losses of a few training steps."""
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.05)
    model.train()
    found = []
    for batch in batches(dataset, steps):
        loss, _ = model.parse_losses(model(**model.data_preprocessor(batch, True), mode='loss'))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        found.append(float(loss.detach()))
    return found


def test_a_store_trains_like_the_frozen_trunk_end_to_end_and_joins_it(made):
    torch.manual_seed(1)
    small = init_model(on_features(), None, 'cpu')
    config = on_videos()
    config.load_from = str(made / 'trunk.pth')
    whole = init_model(config, None, 'cpu')
    trunk = torch.load(made / 'trunk.pth', weights_only=True)['state_dict']
    whole.load_state_dict(trunk, strict=False)
    whole.backbone.temporal.load_state_dict(small.backbone.state_dict())
    whole.cls_head.load_state_dict(small.cls_head.state_dict())
    ours = losses(small, UnlabeledVideoDataset(str(made / 'store'), pipeline=ON_FEATURES))
    theirs = losses(whole, UnlabeledVideoDataset(str(made / 'videos'), pipeline=ON_VIDEOS))
    assert np.abs(np.array(ours) - theirs).max() < 2e-3
    assert abs(ours[0] - ours[2]) > 2e-2
    # What was trained on the store predicts on videos what it predicts on the store.
    torch.save(dict(state_dict=small.state_dict()), made / 'small.pth')
    joined = init_model(
        config, join_trunk(config, str(made / 'small.pth'), str(made / 'store'), made / 'joined.pth'), 'cpu'
    )
    small.eval()
    with torch.no_grad():
        for name, model, pipeline in (('store', small, ON_FEATURES), ('videos', joined, ON_VIDEOS)):
            batch = next(batches(UnlabeledVideoDataset(str(made / name), pipeline=pipeline)))
            inputs = model.data_preprocessor(batch, False)['inputs'].flatten(0, 1)
            scores = model.cls_head(model.backbone(inputs))
            ours = scores if name == 'store' else ours
    for one, other in zip(ours, scores):
        assert (one - other).abs().max() < 5e-3 * max(1.0, float(one.abs().max()))


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (dict(out_indices=(1,)), 'its model.backbone is'),
        (dict(grid=(2, 2)), r'set model.backbone.grid=\(3, 3\)'),
        (dict(temporal='none'), 'no temporal module'),
    ],
)
def test_a_config_of_another_trunk_or_grid(made, change, words):
    config = on_videos()
    config.load_from = None if 'out_indices' in change else str(made / 'trunk.pth')
    config.model.backbone.update(change)
    if 'out_indices' in change:
        config.model.backbone.temporal.in_channels = 64
    with pytest.raises(InputError, match=words) as error:
        join_trunk(config, str(made / 'small.pth'), str(made / 'store'), made / 'x.pth')
    assert '\n' not in str(error.value)
    assert not (made / 'x.pth').exists()


def test_other_weights_other_frames_and_a_store_of_images(made, tmp_path):
    with pytest.raises(InputError, match='other weights'):
        join_trunk(on_videos(), str(made / 'small.pth'), str(made / 'store'), tmp_path / 'x.pth')
    config = on_videos()
    config.model.data_preprocessor.mean = [0.0, 0.0, 0.0]
    config.load_from = str(made / 'trunk.pth')
    with pytest.raises(InputError, match='its data_preprocessor is'):
        join_trunk(config, str(made / 'small.pth'), str(made / 'store'), tmp_path / 'x.pth')
    pack_videos(tmp_path / 'raw', source_videos(tmp_path / 'v', (20,)), StoreSettings('raw', short_side=16))
    with pytest.raises(InputError, match='a store of images'):
        join_trunk(config, str(made / 'small.pth'), str(tmp_path / 'raw'), tmp_path / 'x.pth')
