"""Pipelines that would treat feature maps as images, and the other way round."""

import pytest
from feature_stores import feature_store, source_videos, write_trunk

from auxskd_mm.datasets.packing import pack_videos
from auxskd_mm.datasets.stores import StoreSettings
from auxskd_mm.datasets.video_list import UnlabeledVideoDataset
from auxskd_mm.errors import InputError

OPEN, DECODE = dict(type='auxskd_mm.OpenFeatures'), dict(type='auxskd_mm.DecodeFeatures')
SAMPLE = dict(type='auxskd_mm.SegmentPaceSample', clip_len=4, num_segments=2, num_speeds=2)
PACK = dict(type='PackActionInputs')
VIDEO = [dict(type='auxskd_mm.OpenVideo'), SAMPLE, dict(type='auxskd_mm.DecodeClips')]


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    """Folders of videos, features, features of another trunk, and images."""
    folder = tmp_path_factory.mktemp('features')
    videos = source_videos(folder / 'videos')
    feature_store(folder / 'features', videos, write_trunk(folder / 'trunk.py'))
    feature_store(folder / 'other', videos, write_trunk(folder / 'other.py', dict(seed=1)))
    pack_videos(folder / 'images', videos, StoreSettings('jpg', short_side=48))
    return folder


@pytest.mark.parametrize(
    'step',
    [
        dict(type='Flip', flip_ratio=0.5),
        dict(type='Resize', scale=(4, 4)),
        dict(type='RandomResizedCrop'),
        dict(type='auxskd_mm.ClipRandomCrop', size=2),
        dict(type='auxskd_mm.ClipColorJitter'),
        dict(type='auxskd_mm.PerView', transforms=[dict(type='Flip')]),
        dict(type='auxskd_mm.BlendFrames'),
        dict(type='FormatShape', input_format='NCTHW'),
    ],
)
def test_transforms_of_images_are_refused_before_a_sample(made, step):
    with pytest.raises(InputError, match=f'{step["type"].split(".")[-1]} follows DecodeFeatures') as error:
        UnlabeledVideoDataset(str(made / 'features'), pipeline=[OPEN, SAMPLE, DECODE, step, PACK])
    assert '\n' not in str(error.value)


def test_a_step_of_your_own_may_say_that_it_takes_features(made):
    class Noise:
        takes_features = True

        def __call__(self, results):
            return dict(results, imgs=results['imgs'] + 1)

    plain, noisy = (
        UnlabeledVideoDataset(
            str(made / 'features'), pipeline=[OPEN, dict(SAMPLE, seed=0), DECODE, *steps], test_mode=True
        )
        for steps in ([], [Noise()])
    )
    assert (noisy[0]['imgs'] == plain[0]['imgs'] + 1).all()


@pytest.mark.parametrize(
    ('source', 'pipeline', 'words'),
    [
        ('features', VIDEO, 'holds feature maps of a trunk, and the pipeline reads images'),
        ('images', [OPEN, SAMPLE, DECODE, PACK], r'in a store of images \(layout jpg\)'),
        ('videos', [OPEN, SAMPLE, DECODE, PACK], 'is in no store'),
        ('features', [OPEN, SAMPLE, dict(type='auxskd_mm.DecodeClips')], 'one DecodeFeatures'),
        ('features', [OPEN, SAMPLE, DECODE, DECODE], 'one DecodeFeatures'),
    ],
)
def test_a_pipeline_of_the_other_kind(made, source, pipeline, words):
    with pytest.raises(InputError, match=words) as error:
        UnlabeledVideoDataset(str(made / source), pipeline=pipeline)
    assert '\n' not in str(error.value)


def test_stores_of_two_trunks_in_one_data_set(made):
    with pytest.raises(InputError, match='differ in trunk, channels or grid'):
        UnlabeledVideoDataset([str(made / 'features'), str(made / 'other')], pipeline=[OPEN, SAMPLE, DECODE])


def test_images_have_no_feature_settings(made):
    for source in ('images', 'videos'):
        assert UnlabeledVideoDataset(str(made / source), pipeline=VIDEO).features is None
    assert UnlabeledVideoDataset(str(made / 'features')).features is None  # an empty pipeline reads nothing
