"""Feature maps of a trunk: which frames in which form they come from, and trunks that cannot be stored."""

import cv2
import numpy as np
import pytest
import torch
from feature_stores import CHANNELS, FRAME_PREPROCESSOR, GRID, TinyTrunk, write_trunk
from mmengine.config import Config

from auxskd_mm.apis.feature_trunk import FeatureExtractor, Trunk, TrunkSpec, build_trunk
from auxskd_mm.errors import InputError, VideoReadError


@pytest.fixture
def frames():
    return list(np.random.RandomState(0).randint(0, 256, (3, 48, 64, 3)).astype(np.uint8))


def by_hand(frame, bgr=False):
    """Resize the short side to 36, crop 32 from the centre, normalise, run the trunk."""
    frame = frame[..., ::-1] if bgr else frame
    image = cv2.resize(np.ascontiguousarray(frame), (48, 36), interpolation=cv2.INTER_LINEAR)[2:34, 8:40]
    normal = (image - np.array(FRAME_PREPROCESSOR['mean'])) / np.array(FRAME_PREPROCESSOR['std'])
    with torch.no_grad():
        return TinyTrunk()(torch.from_numpy(normal.transpose(2, 0, 1)[None]).float())[0]


@pytest.mark.parametrize('order', ['rgb', 'bgr'])
def test_frames_are_prepared_as_the_config_says(tmp_path, frames, order):
    trunk = Trunk(TrunkSpec(write_trunk(tmp_path / 'trunk.py', order=order)))
    assert (trunk.channels, trunk.grid) == (CHANNELS, GRID)
    expected = torch.stack([by_hand(frame, order == 'bgr') for frame in frames])
    assert (trunk.maps(frames) - expected).abs().max() < 1e-5


def test_a_preprocessor_of_frames_gives_the_same_maps(tmp_path, frames):
    stock = dict(FRAME_PREPROCESSOR, type='ActionDataPreprocessor', format_shape='NCHW')
    trunk = Trunk(TrunkSpec(write_trunk(tmp_path / 'trunk.py', preprocessor=stock)))
    assert (trunk.maps(frames)[0] - by_hand(frames[0])).abs().max() < 1e-5


def test_a_trunk_of_one_channel_takes_gray_stacks_and_colours_by_their_luma(tmp_path, frames):
    normal = dict(FRAME_PREPROCESSOR, mean=[120.0], std=[60.0], value_range=(0, 60000))
    one = Trunk(TrunkSpec(write_trunk(tmp_path / 'one.py', dict(gray=True), preprocessor=normal, channels=1)))
    three = Trunk(
        TrunkSpec(write_trunk(tmp_path / 'three.py', preprocessor=dict(normal, mean=[120.0] * 3, std=[60.0] * 3)))
    )
    scan = [np.random.RandomState(i).randint(0, 60000, (48, 64, 1)).astype(np.uint16) for i in range(3)]
    assert (one.maps(scan) - three.maps(scan)).abs().max() < 1e-5
    assert one.preparation['channels'] == 1
    assert 'channels' not in three.preparation  # as in the stores of earlier versions
    luma = one.in_channels(frames, 'video')
    np.testing.assert_array_equal(luma[0][..., 0], cv2.cvtColor(frames[0], cv2.COLOR_RGB2GRAY))
    with pytest.raises(VideoReadError, match=r'^video: has 4 channels, and OpenVideo.channels=1'):
        one.in_channels([np.zeros((8, 8, 4), np.uint8)], 'video')


@pytest.mark.parametrize('grid', [(0, 0), (-1, 2), (4,), (4, 5, 6), (2.0, 2)])
def test_a_grid_that_is_none_is_refused_first(grid):
    with pytest.raises(InputError, match=r'^grid=\(.*\): expected \(rows, columns\), whole numbers from 1$'):
        Trunk(TrunkSpec('no_config.py', grid=grid))


def test_the_grid_is_the_mean_of_its_places(tmp_path, frames):
    path = write_trunk(tmp_path / 'trunk.py')
    pooled = Trunk(TrunkSpec(path, grid=(2, 2)))
    assert pooled.grid == (2, 2)
    whole = Trunk(TrunkSpec(path)).maps(frames)
    expected = torch.stack([whole[..., :2, :2].mean((2, 3)), whole[..., 2:, 2:].mean((2, 3))])
    assert torch.allclose(pooled.maps(frames)[..., [0, 1], [0, 1]].permute(2, 0, 1), expected, atol=1e-6)


def test_the_stage_is_the_trunks_out_index(tmp_path):
    assert Trunk(TrunkSpec(write_trunk(tmp_path / 'trunk.py'), stage=1)).grid == (2, 2)


def test_the_fingerprint_tells_weights_config_and_preparation_apart(tmp_path):
    def fingerprint(name, *args, **changes):
        return Trunk(TrunkSpec(write_trunk(tmp_path / f'{name}.py', *args, **changes))).fingerprint

    first = fingerprint('a')
    assert fingerprint('other_name') == first
    scoped = dict(FRAME_PREPROCESSOR, _scope_='auxskd_mm')  # as in a config that inherits by address
    assert fingerprint('scoped', preprocessor=scoped) == first
    torch.save(
        dict(state_dict={f'backbone.{k}': v for k, v in TinyTrunk(seed=3).state_dict().items()}), tmp_path / 'w.pth'
    )
    others = [
        fingerprint('b', dict(seed=1)),
        fingerprint('c', order='bgr'),
        fingerprint('d', preprocessor=dict(type='auxskd_mm.ClipDataPreprocessor')),
        fingerprint('e', more=f'load_from = {str(tmp_path / "w.pth")!r}'),
        fingerprint('f', steps=[dict(type='Resize', scale=(32, 32), keep_ratio=False)]),
    ]
    assert len({first, *others}) == 6


NETWORK = dict(type='auxskd_mm.TimmBackbone', model='resnet10t', out_indices=(2,))
MIXES = "depend on the frames beside it.*TimmBackbone: temporal='none'"


@pytest.mark.parametrize('backbone', [NETWORK, dict(type='ResNet', depth=18, pretrained=None, out_indices=(1,))])
def test_networks_of_single_frames_are_trunks(tmp_path, backbone):
    assert Trunk(TrunkSpec(write_trunk(tmp_path / 'trunk.py', backbone))).channels == 128


@pytest.mark.parametrize(
    ('backbone', 'changes', 'words'),
    [
        (dict(type='auxskd_mm.NeighbourTrunk'), {}, 'depend on the frames beside it'),
        # In clips of one frame these have nothing to mix, and pass for networks of frames.
        (dict(NETWORK, temporal='shift'), {}, MIXES),
        (dict(NETWORK, temporal='inflate'), {}, MIXES),
        (dict(NETWORK, temporal=dict(type='auxskd_mm.TemporalConvs', channels=4, blocks=1)), {}, MIXES),
        (dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=4), {}, MIXES),
        (dict(type='ResNetTSM', depth=18, num_segments=8, pretrained2d=False), {}, MIXES),
        ({}, dict(steps=[dict(type='Resize', scale=(-1, 36))]), 'maps of other sizes'),
        (
            {},
            dict(steps=[dict(type='Resize', scale=(32, 32), keep_ratio=False), dict(type='Flip')]),
            'random step Flip',
        ),
        ({}, dict(steps=[dict(type='Resize', scale=(-1, 36)), dict(type='ThreeCrop', crop_size=36)]), 'several crops'),
        ({}, dict(more='model = None'), 'has no model.backbone'),
        ({}, dict(more='test_dataloader = None'), 'has no test_dataloader'),
    ],
)
def test_configs_that_are_no_trunk(tmp_path, backbone, changes, words):
    with pytest.raises(InputError, match=words) as error:
        Trunk(TrunkSpec(write_trunk(tmp_path / 'trunk.py', backbone, **changes)))
    assert '\n' not in str(error.value)


def test_another_process_with_another_trunk_and_features_beyond_float16(tmp_path, frames):
    spec = TrunkSpec(write_trunk(tmp_path / 'trunk.py', dict(scale=1e6)))
    settings = build_trunk(spec).settings()
    with pytest.raises(VideoReadError, match='do not fit into float16'):
        next(FeatureExtractor(spec)(iter(frames), 'x', settings))
    with pytest.raises(InputError, match='differs from process to process'):
        next(FeatureExtractor(spec)(iter(frames), 'x', settings._replace(trunk='0' * 16)))
    assert isinstance(Config.fromfile(spec.config), Config)
