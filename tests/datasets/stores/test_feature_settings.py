"""Settings of feature stores: out of range, written and read again, and trunks that are the same or another."""

import json

import pytest
from feature_stores import CHANNELS, FRAME_PREPROCESSOR, FRAME_STEPS, GRID, write_trunk

from auxskd_mm.apis.feature_trunk import Trunk, TrunkSpec
from auxskd_mm.datasets.stores import FeatureSettings
from auxskd_mm.datasets.stores.feature_settings import (
    check_same_frames,
    check_same_trunk,
    check_same_weights,
    feature_settings_of,
    is_of_trunk,
    trunk_config,
    trunk_fingerprint,
)
from auxskd_mm.errors import InputError

TRUNK = dict(type='auxskd_mm.TimmBackbone', model='resnet18', out_indices=(2,))
SETTINGS = FeatureSettings('0123456789abcdef', trunk_config(TRUNK), {}, CHANNELS, GRID, variants=3)


def test_what_is_written_is_read():
    written = json.loads(json.dumps(SETTINGS.relevant()))
    assert feature_settings_of(written) == SETTINGS
    assert written['layout'] == SETTINGS.layout == 'features'
    assert SETTINGS.place_bytes == 3 * CHANNELS * 2
    assert SETTINGS.describe() == 'trunk 0123456789abcdef, 6 channels, grid 4x4, 3 variant(s)'


@pytest.mark.parametrize(
    ('change', 'words'),
    [
        (dict(variants=0), 'variants=0: expected a whole number of 1 to 256'),
        (dict(variants=True), 'variants=True'),
        (dict(channels=2**17), 'channels=131072'),
        (dict(grid=(0, 4)), 'grid=0'),
        (dict(grid=(4, 4, 4)), 'expected 2 and 4 numbers'),
        (dict(crop=0.05), r'crop=0\.05: expected 0\.1 to 1'),
        (dict(crop=True), 'crop=True'),
        (dict(jitter=(0.0, 0.0, 0.0, 1.5)), r'jitter=1\.5: expected 0\.0 to 1'),
        (dict(features_version=2), 'reads version 1 of feature stores; pack the videos again'),
    ],
)
def test_settings_out_of_range(change, words):
    with pytest.raises(InputError, match=words) as error:
        SETTINGS._replace(**change).check()
    assert '\n' not in str(error.value)
    with pytest.raises(ValueError, match=r'.'):
        feature_settings_of(SETTINGS._replace(**change).relevant())


@pytest.mark.parametrize('key', [*FeatureSettings._fields, 'another'])
def test_a_record_with_a_key_too_few_or_too_many(key):
    content = SETTINGS.relevant()
    content.pop(key, None)
    if key not in FeatureSettings._fields:
        content[key] = 1
    with pytest.raises(ValueError, match='its settings are not those of layout features'):
        feature_settings_of(content)


def test_settings_that_leave_the_maps_alone_are_no_other_trunk():
    same = dict(TRUNK, out_indices=2, frozen_stages='all', temporal=dict(type='x'), norm_eval=True, with_cp=True)
    for trunk in (TRUNK, same, '0123456789abcdef', '012345'):
        check_same_trunk('store', SETTINGS, trunk)


def test_the_place_of_weights_and_the_scope_of_a_config_are_no_other_trunk():
    """MMEngine writes ``_scope_`` into a config with a base ``auxskd_mm::...``; every store of such a trunk was refused."""

    def trunk(where, **more):
        return dict(TRUNK, init_cfg=dict(type='Pretrained', checkpoint=f'{where}/w.pth', **more))

    assert '_scope_' not in json.dumps(trunk_config(dict(trunk('a', _scope_='x'), _scope_='x')))
    store = SETTINGS._replace(backbone=dict(trunk_config(trunk('a')), _scope_='x'))  # as earlier versions wrote it
    store = store._replace(trunk=trunk_fingerprint(store.backbone, store.preparation, 'd' * 16))
    for same in (trunk('a'), trunk('b', _scope_='y'), dict(trunk('b'), _scope_='y')):
        check_same_trunk('store', store, same)
        assert is_of_trunk(store, trunk_config(same), {}, 'd' * 16)
    assert not is_of_trunk(store, trunk_config(trunk('a')), {}, 'e' * 16)
    assert not is_of_trunk(store, trunk_config(trunk('a')), dict(channel_order='bgr'), 'd' * 16)
    for other in (trunk('a', prefix='net.'), dict(trunk('a'), model='resnet34')):
        assert not is_of_trunk(store, trunk_config(other), {}, 'd' * 16)
        with pytest.raises(InputError, match='another trunk'):
            check_same_trunk('store', store, other)


def test_the_scope_of_a_config_is_no_other_form_of_frames():
    scoped = dict(FRAME_PREPROCESSOR, _scope_='x'), [dict(step, _scope_='x') for step in FRAME_STEPS]
    for preprocessor, steps in (scoped, (FRAME_PREPROCESSOR, FRAME_STEPS)):
        store = SETTINGS._replace(
            preparation=json.loads(json.dumps(dict(data_preprocessor=preprocessor, pipeline=steps)))
        )
        for ours in (scoped, (FRAME_PREPROCESSOR, FRAME_STEPS)):
            check_same_frames('store', store, *ours)


@pytest.mark.parametrize(
    ('trunk', 'words'),
    [
        (dict(TRUNK, model='resnet34'), r"another trunk \(model='resnet18', and the config names 'resnet34'\)"),
        (dict(TRUNK, out_indices=(1,)), r'out_indices=\[2\], and the config names \[1\]'),
        (dict(TRUNK, pretrained=True), 'pretrained=None, and the config names True'),
        ('fedcba', 'are from trunk 0123456789abcdef, and the config names fedcba'),
        ('01234', 'and the config names 01234'),
    ],
)
def test_another_trunk_is_named(trunk, words):
    with pytest.raises(InputError, match=words) as error:
        check_same_trunk('store', SETTINGS, trunk)
    assert '\n' not in str(error.value)


def test_other_weights_are_another_trunk():
    store = SETTINGS._replace(trunk=trunk_fingerprint(SETTINGS.backbone, SETTINGS.preparation, 'a' * 16))
    check_same_weights('store', store, 'a' * 16)
    with pytest.raises(InputError, match=f'store: .*another trunk .of other weights.*{store.trunk}, not ') as error:
        check_same_weights('store', store, 'b' * 16)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    ('expected', 'words'),
    [
        (dict(preprocessor=dict(FRAME_PREPROCESSOR, mean=[0.0] * 3)), r'mean=\[120.*names \[0\.0, 0\.0, 0\.0\]'),
        (dict(preprocessor=dict(FRAME_PREPROCESSOR, value_range=(0, 1))), r'value_range=None, and the config names'),
        (dict(steps=FRAME_STEPS[:1]), 'pipeline=.*CenterCrop'),
        (dict(steps=[dict(type='Resize', scale=(-1, 40)), FRAME_STEPS[1]]), 'pipeline=.*40'),
    ],
)
def test_frames_in_another_form_are_named(expected, words, tmp_path):
    store = Trunk(TrunkSpec(write_trunk(tmp_path / 'trunk.py'))).settings()
    check_same_frames('store', store, FRAME_PREPROCESSOR, FRAME_STEPS)
    check_same_frames('store', store)
    with pytest.raises(InputError, match=f'store: its features come from frames in another form .{words}') as error:
        check_same_frames('store', store, **expected)
    assert '\n' not in str(error.value)
