"""Where weights come from, from checkpoints made as MMEngine makes them."""

import pytest
import torch
from mmengine.config import Config

from auxskd_mm.records.provenance import (
    KEY,
    data_of,
    history_of,
    method_of,
    methods_text,
    read_meta,
    set_init_history,
    training_meta,
    training_of,
)

INPUT = dict(channel_order='bgr', mean=[0.0] * 3, std=[1.0] * 3)


def config(method, source, **own):
    model = dict(
        vspp=dict(type='Recognizer3D', cls_head=dict(type='auxskd_mm.VSPPHead')), auxskd=dict(type='auxskd_mm.AuxSKD')
    )[method]
    model['data_preprocessor'] = dict(type='auxskd_mm.ClipDataPreprocessor')
    pipeline = [dict(type='auxskd_mm.OpenVideo', channel_order='bgr')]
    loader = dict(dataset=dict(type='auxskd_mm.UnlabeledVideoDataset', source=source, pipeline=pipeline))
    return Config(dict(model=model, train_dataloader=loader, **own))


def save(path, content, epoch=3, seed=5):
    text = content if isinstance(content, str) or content is None else content.pretty_text
    meta = dict(epoch=epoch, seed=seed, **({} if text is None else dict(cfg=text)))
    torch.save(dict(state_dict={}, meta=meta), path)
    return str(path)


def phase(method, source, path):
    return dict(method=method, data=[source], epochs=3, seed=5, input=INPUT, checkpoint=path)


def test_a_chain_is_kept_in_the_configs_of_the_trainings(tmp_path):
    first = config('auxskd', 'pool.txt', work_dir=str(tmp_path))
    set_init_history(first)
    assert first[KEY] == []
    aux = save(tmp_path / 'aux.pth', first)
    second = config('vspp', 'train.txt', load_from=aux, work_dir=str(tmp_path))
    set_init_history(second)
    vspp = save(tmp_path / 'vspp.pth', second)
    (tmp_path / 'aux.pth').unlink()  # the history does not depend on the earlier file
    assert history_of(vspp) == [phase('auxSKD', 'pool.txt', aux), phase('VSPP', 'train.txt', vspp)]
    assert methods_text(history_of(vspp)) == 'auxSKD, then VSPP'
    # A resumed training has no load_from of its own; its start is that of what it resumes.
    (tmp_path / 'last_checkpoint').write_text(vspp)
    resumed = config('vspp', 'train.txt', resume=True, work_dir=str(tmp_path))
    set_init_history(resumed)
    assert resumed[KEY] == [phase('auxSKD', 'pool.txt', aux)]


def test_checkpoints_of_other_tools_are_followed_as_far_as_they_are_there(tmp_path):
    aux = save(tmp_path / 'aux.pth', config('auxskd', 'pool.txt'))
    vspp = save(tmp_path / 'vspp.pth', config('vspp', 'train.txt', load_from=aux))
    assert [own['method'] for own in history_of(vspp)] == ['auxSKD', 'VSPP']
    (tmp_path / 'aux.pth').unlink()
    assert history_of(vspp) == [None, phase('VSPP', 'train.txt', vspp)]
    assert methods_text(history_of(vspp)) == 'unknown, then VSPP'
    resumed = save(tmp_path / 'resumed.pth', config('vspp', 'train.txt', resume=True))
    assert history_of(resumed)[0] is None
    pretrained = config('vspp', 'train.txt')
    pretrained.model.backbone = dict(init_cfg=dict(type='Pretrained', checkpoint='x.pth'))
    assert history_of(save(tmp_path / 'p.pth', pretrained))[0] is None


@pytest.mark.parametrize(
    ('sampler', 'fps'),
    [
        (dict(type='auxskd_mm.SegmentPaceSample', clip_len=16, fps=12.0), 12.0),
        (dict(type='auxskd_mm.SegmentPaceSample', clip_len=16), None),
        (dict(type='SampleFrames', clip_len=16, target_fps=8), 8),
    ],
)
def test_the_history_names_the_rate_of_the_clips(tmp_path, sampler, fps):
    values = config('vspp', 'train.txt')
    values.train_dataloader.dataset.pipeline.append(sampler)
    path = tmp_path / 'epoch_1.pth'
    torch.save(dict(meta=dict(epoch=1, seed=0, **training_meta(values.to_dict())), state_dict={}), path)
    assert [phase.get('fps') for phase in history_of(str(path))] == [fps]


def test_nothing_is_guessed(tmp_path):
    assert history_of(None) == []
    assert methods_text([]) == 'none (random weights)'
    assert history_of(save(tmp_path / 'bare.pth', None)) is None
    assert history_of(save(tmp_path / 'code.pth', "model = __import__('os').system('true')")) is None
    (tmp_path / 'broken.pth').write_bytes(b'no checkpoint')
    assert read_meta(str(tmp_path / 'broken.pth')) == {}
    assert methods_text(None) is None
    torch.save(dict(state_dict={}, meta=dict(converted_from='vspp')), tmp_path / 'c.pth')
    converted = history_of(str(tmp_path / 'c.pth'))
    assert converted[0] is None
    assert converted[1]['method'] == 'vspp (converted)'
    assert converted[1]['data'] is None


def test_a_checkpoint_of_the_old_file_format_is_read(tmp_path):
    content = dict(state_dict={}, meta=dict(epoch=2))
    torch.save(content, tmp_path / 'old.pth', _use_new_zipfile_serialization=False)
    assert read_meta(str(tmp_path / 'old.pth')) == dict(epoch=2)


@pytest.mark.parametrize(
    ('model', 'name'),
    [
        (dict(type='auxskd_mm.RSPNet', head_a=dict(type='X')), 'RSPNet'),
        (dict(type='Recognizer3D', cls_head=dict(type='auxskd_mm.PaceHead')), 'VideoPace'),
        (dict(type='Recognizer3D', cls_head=dict(type='I3DHead')), 'Recognizer3D + I3DHead'),
        ({}, None),
    ],
)
def test_methods(model, name):
    assert method_of(model) == name


def test_data_of_loaders():
    config = dict(
        a=dict(dataset=dict(type='RepeatDataset', dataset=dict(ann_file='l.txt', data_root='root'))),
        b=dict(dataset=dict(common=dict(data_root='r'), gallery=dict(ann_file='g'), query=dict(ann_file='q'))),
        c=dict(dataset=dict(source=['x', 'y'])),
    )
    assert data_of(config, 'a') == ['root/l.txt']
    assert (data_of(config, 'b', 'gallery'), data_of(config, 'b', 'query')) == (['r/g'], ['r/q'])
    assert data_of(config, 'c') == ['x', 'y']
    assert data_of(config, 'd') is None


def test_a_checkpoint_says_its_training_as_data_and_the_text_is_not_read(tmp_path):
    values = config('vspp', 'train.txt', init_history=[phase('auxSKD', 'pool.txt', 'aux.pth')]).to_dict()
    meta = dict(epoch=3, seed=5, cfg='raise SystemExit', **training_meta(values))
    torch.save(dict(state_dict={}, meta=meta), tmp_path / 'new.pth')
    expected = [phase('auxSKD', 'pool.txt', 'aux.pth'), phase('VSPP', 'train.txt', str(tmp_path / 'new.pth'))]
    assert history_of(str(tmp_path / 'new.pth')) == expected
    old = config('vspp', 'train.txt', init_history=[phase('auxSKD', 'pool.txt', 'aux.pth')])
    assert history_of(save(tmp_path / 'new.pth', old)) == expected  # the text of an older file says the same


@pytest.mark.parametrize(
    'change',
    [dict(history='x'), dict(history=[3]), dict(history=[{}]), dict(method=3), dict(data='x'), dict(input=[1]),
     dict(input=dict(mean=[1])), dict(history=None)],
)  # fmt: skip
def test_a_training_that_is_none_is_as_good_as_unknown(change):
    whole = training_meta(config('vspp', 'train.txt').to_dict())['training']
    assert training_of(dict(training=whole)) == whole
    assert training_of(dict(training={**whole, **change})) is None
    assert training_of(dict(training='x')) is training_of(None) is training_of({}) is None
