"""Variants of frames: drawn per video, repeated exactly, the first one plain."""

import numpy as np
from feature_stores import CHANNELS, GRID

from auxskd_mm.datasets.packing.variants import Variant, apply_variant, draw_variants
from auxskd_mm.datasets.stores import FeatureSettings

SETTINGS = FeatureSettings('0' * 16, {}, {}, CHANNELS, GRID, variants=200, crop=0.5, jitter=(0.4, 0.0, 0.0, 0.0))


def test_crops_lie_in_the_frame_and_reach_all_of_its_range():
    variants = draw_variants('a.mp4', SETTINGS)
    assert variants[0] == Variant()
    assert len(variants) == 200
    boxes = np.array([variant.box for variant in variants[1:]])
    assert (boxes[:, 2] == boxes[:, 3]).all()
    assert boxes[:, :2].min() >= 0
    assert (boxes[:, :2] + boxes[:, 2:]).max() <= 1
    assert 0.5 <= boxes[:, 2].min() < 0.52
    assert boxes[:, 2].max() > 0.98
    assert [variant.flip for variant in variants[:4]] == [False, True, False, True]
    assert not any(variant.flip for variant in draw_variants('a.mp4', SETTINGS._replace(flip=False)))
    plain = draw_variants('a.mp4', SETTINGS._replace(jitter=(0.0,) * 4))
    assert all(variant.jitter is None for variant in plain)
    assert [variant.box for variant in plain] == [variant.box for variant in variants]  # the same draws


def test_variants_repeat_for_a_name_and_differ_between_names():
    def boxes(name):
        return [variant.box for variant in draw_variants(name, SETTINGS)]

    np.random.seed(1)
    first = boxes('a.mp4')
    np.random.seed(2)
    assert boxes('a.mp4') == first != boxes('b.mp4')


def test_pixels_of_a_crop_a_mirror_image_and_brightness():
    frame = np.random.RandomState(0).randint(0, 256, (40, 60, 3)).astype(np.uint8)
    cropped, again = apply_variant([frame, frame], Variant((0.1, 0.25, 0.5, 0.5)))
    assert np.array_equal(cropped, frame[10:30, 6:36])
    assert np.array_equal(cropped, again)
    (mirrored,) = apply_variant([frame], Variant(flip=True))
    assert np.array_equal(mirrored, frame[:, ::-1])
    assert apply_variant([frame], Variant())[0].base is frame  # no copy
    variant = draw_variants('a.mp4', SETTINGS)[1]
    (coloured,) = apply_variant([frame], variant._replace(box=(0.0, 0.0, 1.0, 1.0), flip=False))
    factor = variant.jitter.factors[0, 0]
    assert np.abs(coloured - np.clip(frame * factor, 0, 255)).max() <= 1
