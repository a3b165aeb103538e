"""Input convention of a network, compared with the preprocessor and reader themselves."""

import numpy as np
import pytest
import torch
from conftest import write_video
from mmaction.registry import MODELS, TRANSFORMS
from mmengine.structures import BaseDataElement

from auxskd_mm.config.input_convention import (
    describe_convention,
    input_convention,
    same_convention,
)
from auxskd_mm.datasets.transforms import OpenVideo
from auxskd_mm.models.data_preprocessors import ClipDataPreprocessor
from auxskd_mm.records.provenance import training_of

PREPROCESSORS = [
    dict(type='auxskd_mm.ClipDataPreprocessor'),
    dict(type='auxskd_mm.ClipDataPreprocessor', to_rgb=True),
    dict(type='auxskd_mm.ClipDataPreprocessor', mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375]),
    dict(type='ActionDataPreprocessor', to_rgb=True, mean=[10.0, 20.0, 30.0], std=[2.0, 4.0, 8.0]),
]


@pytest.mark.parametrize('preprocessor', PREPROCESSORS)
@pytest.mark.parametrize('order', ['rgb', 'bgr'])
def test_it_says_what_arrives(preprocessor, order, tmp_path):
    steps = [
        dict(type='auxskd_mm.OpenVideo', channel_order=order),
        dict(type='SampleFrames', clip_len=2, test_mode=True),
        dict(type='auxskd_mm.DecodeClips'),
    ]
    rgb = dict(type='auxskd_mm.OpenVideo', channel_order='rgb')
    frames = []
    for opener in (steps[0], rgb):
        results = dict(filename=write_video(tmp_path / 'v.mp4'), start_index=0)
        for step in [opener, *steps[1:]]:
            results = TRANSFORMS.build(step)(results)
        frames.append(np.stack(results['imgs']))
    model = MODELS.build({**preprocessor, 'format_shape': 'NCTHW'})
    clip = torch.from_numpy(frames[0]).permute(3, 0, 1, 2)[None]
    fed = model(dict(inputs=[clip], data_samples=[BaseDataElement()]))['inputs'][0, 0].numpy()
    said = input_convention(preprocessor, steps)
    true = frames[1][..., :: 1 if said['channel_order'] == 'rgb' else -1]
    expected = (true - np.array(said['mean'])) / np.array(said['std'])
    np.testing.assert_allclose(fed.transpose(1, 2, 3, 0), expected, atol=1e-3)


def test_what_is_not_known_is_none():
    known = [dict(type='auxskd_mm.OpenVideo')]
    assert input_convention(None, known) is None
    assert input_convention(dict(type='mmpretrain.SelfSupDataPreprocessor'), known) is None
    assert input_convention(PREPROCESSORS[0], [dict(type='MyDecoder')]) is None
    assert input_convention(PREPROCESSORS[0], [*known, dict(type='Normalize')]) is None
    assert input_convention(PREPROCESSORS[0], [dict(type='DecordInit')])['channel_order'] == 'rgb'


def test_a_preprocessor_from_outside_is_known_by_its_base():
    @MODELS.register_module(force=True)
    class OutsidePreprocessor(ClipDataPreprocessor):
        pass

    for kind in ('OutsidePreprocessor', OutsidePreprocessor):
        said = input_convention(dict(type=kind, mean=[1.0] * 3, std=[2.0] * 3), [dict(type='auxskd_mm.OpenVideo')])
        assert said == dict(channel_order='rgb', mean=[1.0] * 3, std=[2.0] * 3)


def test_the_order_is_that_of_the_step_that_opens():
    """A step that only decodes says nothing where one of ours has opened the video."""
    bgr = [dict(type='auxskd_mm.OpenVideo', channel_order='bgr'), dict(type='auxskd_mm.DecodeClips')]
    assert input_convention(PREPROCESSORS[0], bgr)['channel_order'] == 'bgr'
    for alone in ('PIMSInit', 'RawFrameDecode'):
        assert input_convention(PREPROCESSORS[0], [dict(type=alone)])['channel_order'] == 'rgb'


def test_a_preprocessor_that_normalises_in_its_own_way_is_not_known():
    opened = [dict(type='auxskd_mm.OpenVideo')]
    assert input_convention(dict(type='auxskd_mm.FeatureDataPreprocessor'), opened) is None

    @MODELS.register_module(force=True)
    class OwnNormalisation(ClipDataPreprocessor):
        def preprocess(self, *args, **kwargs):
            raise NotImplementedError

    assert input_convention(dict(type='OwnNormalisation', mean=[1.0] * 3, std=[2.0] * 3), opened) is None


def test_the_order_of_an_opener_from_outside():
    """A subclass of ours has its option; of another opener nothing is known, whatever decodes after it."""

    @TRANSFORMS.register_module(force=True)
    class OutsideOpener(OpenVideo):
        pass

    decode = dict(type='auxskd_mm.DecodeClips')
    said = input_convention(PREPROCESSORS[0], [dict(type='OutsideOpener', channel_order='bgr'), decode])
    assert said['channel_order'] == 'bgr'
    assert input_convention(PREPROCESSORS[0], [dict(type='MyOpener', channel_order='bgr'), decode]) is None


def test_a_type_of_a_checkpoint_is_never_imported(tmp_path, monkeypatch):
    (tmp_path / 'never_imported.py').write_text('raise SystemExit')
    monkeypatch.syspath_prepend(str(tmp_path))
    assert input_convention(dict(type='never_imported.Preprocessor'), [dict(type='auxskd_mm.OpenVideo')]) is None
    text = "model = dict(data_preprocessor=dict(type='never_imported.Preprocessor'))\n"
    training_of(dict(cfg=text + "train_dataloader = dict(dataset=dict(pipeline=[dict(type='never_imported.Open')]))"))
    for kind in (3, ['a'], dict(a=1)):
        assert input_convention(dict(type=kind), [dict(type=kind)]) is None


def test_comparison_and_words():
    plain, flipped, scaled, _ = (input_convention(p, [dict(type='OpenVideo')]) for p in PREPROCESSORS)
    assert same_convention(plain, dict(plain))
    assert not same_convention(plain, flipped)
    assert not same_convention(plain, scaled)
    unit = dict(channel_order='rgb', mean=[0.0] * 3, std=[255.0] * 3)
    assert not same_convention(plain, unit)
    assert same_convention(scaled, {**scaled, 'mean': [123.68, 116.78, 103.94]})  # the same means, rounded otherwise
    assert describe_convention(flipped) == 'BGR, mean 0, std 1'
    assert describe_convention(scaled) == 'RGB, mean (123.675, 116.28, 103.53), std (58.395, 57.12, 57.375)'
