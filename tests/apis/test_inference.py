"""Probabilities of files, folders and arrays, compared with a direct run of the model."""

import numpy as np
import pytest
import torch
from conftest import write_video
from mmaction.registry import MODELS
from mmengine.config import Config
from tool_runs import CONFIGS

from auxskd_mm.apis import extract_features, inference, init_model, load_config, predict, predict_pace
from auxskd_mm.apis.inference import batches, class_names
from auxskd_mm.datasets.readers import open_reader
from auxskd_mm.datasets.transforms import SegmentPaceSample
from auxskd_mm.errors import InputError
from auxskd_mm.functional.tasks import Task, segment_names
from auxskd_mm.models.backbones import timm

BACKBONE = dict(type='ResNet3d', depth=18, pretrained='there/is/no/such.pth', base_channels=4, stage_blocks=(1,) * 4)
HEADS = dict(
    vspp=dict(type='auxskd_mm.VSPPHead', in_channels=32),
    pace=dict(type='auxskd_mm.PaceHead', in_channels=32, num_paces=3),
    vcop=dict(type='auxskd_mm.ClipOrderHead', in_channels=32, hidden_channels=8),
    classes=dict(type='I3DHead', num_classes=5, in_channels=32, average_clips='prob'),
    features=dict(type='auxskd_mm.ClipFeatureHead'),
)
SAMPLERS = dict(
    vspp=dict(type='auxskd_mm.SegmentPaceSample', clip_len=8, seed=3),
    pace=dict(type='auxskd_mm.PaceSample', clip_len=8, paces=(0.5, 1, 2), seed=3),
    vcop=dict(type='auxskd_mm.ClipOrderSample', clip_len=4, interval=2, seed=3),
)
LABELS = dict(vspp=('pace_label', 'segment_label'), pace=('pace_label',), vcop=('order_label',))


def config(kind='vspp', **more):
    pipeline = [
        dict(type='auxskd_mm.OpenVideo', channel_order='bgr'),
        SAMPLERS.get(kind, dict(type='SampleFrames', clip_len=8, frame_interval=1, num_clips=1, test_mode=True)),
        dict(type='auxskd_mm.DecodeClips'),
        dict(type='CenterCrop', crop_size=32),
        dict(type='FormatShape', input_format='NCTHW'),
        dict(type='PackActionInputs', algorithm_keys=LABELS.get(kind, ())),
    ]
    if kind not in SAMPLERS:
        pipeline.insert(0, dict(type='auxskd_mm.MarkSample', start_index=0))
    model = dict(
        type='Recognizer3D',
        backbone=BACKBONE,
        cls_head=HEADS[kind],
        data_preprocessor=dict(type='auxskd_mm.ClipDataPreprocessor', mean=[100.0] * 3, std=[50.0] * 3),
    )
    dataset = dict(type='auxskd_mm.UnlabeledVideoDataset', pipeline=pipeline)
    return Config(dict(model=model, test_dataloader=dict(dataset=dataset), **more))


@pytest.fixture
def model():
    return init_model(config(), device='cpu', seed=5)


@pytest.fixture
def videos(tmp_path):
    (tmp_path / 'videos').mkdir()
    return [write_video(tmp_path / f'videos/{i}.mp4', num_frames=24 + 8 * i) for i in range(3)]


@pytest.fixture
def checkpoint(tmp_path):
    model = init_model(config(), device='cpu', seed=5)
    path = tmp_path / 'weights.pth'
    torch.save(dict(state_dict=model.state_dict()), path)
    return str(path)


def by_hand(model, path, starts):
    """Probabilities of clips of 8 consecutive frames from the given starts, averaged."""
    frames = open_reader(path, channel_order='bgr').read(list(range(starts[-1] + 8)))
    clips = np.stack([frames[start : start + 8] for start in starts])[:, :, 8:40, 16:48].astype(np.float32)
    with torch.no_grad():
        maps = model.backbone(torch.from_numpy((clips - 100) / 50).permute(0, 4, 1, 2, 3).contiguous())
        speed, segment = model.cls_head(maps)
    return speed.softmax(1).mean(0).numpy(), segment.softmax(1).mean(0).numpy()


def test_the_pace_is_that_of_the_model_run_by_hand(model, videos):
    result = predict_pace(model, videos[1], num_clips=3)
    pace, segment = by_hand(model, videos[1], [0, 12, 24])
    np.testing.assert_allclose(result['pace'].probabilities, pace, atol=1e-5)
    np.testing.assert_allclose(result['segment'].probabilities, segment, atol=1e-5)
    assert result['pace'].names == ('1x', '2x', '3x', '4x')
    assert result['segment'].names[2] == '3 of 4'
    assert result['pace'].best == result['pace'].names[pace.argmax()]
    assert result['pace'].clips.shape == (3, 4)
    assert result.frame_inds.tolist() == [*range(8), *range(12, 20), *range(24, 32)]
    assert result.as_dict()['pace']['probabilities']['2x'] == pytest.approx(pace[1], abs=1e-5)


TRUNK = dict(type='auxskd_mm.TimmBackbone', model='tf_efficientnet_lite0', out_indices=(0,))
PACKAGED = dict(type='auxskd_mm.PackagedWeights')


@pytest.mark.parametrize(
    ('changes', 'pretrained', 'says'),
    [
        (dict(init_cfg=PACKAGED), False, 'public weights of its config'),
        (
            dict(init_cfg=[dict(type='Constant', val=1.0, layer='Linear'), PACKAGED]),
            False,
            'public weights of its config',
        ),
        (dict(pretrained=True), True, 'public weights of its config'),
        (dict(pretrained=True), False, 'random weights, whose answers mean nothing'),
        ({}, True, 'random weights, whose answers mean nothing'),
        (dict(init_cfg=dict(type='Constant', val=1.0, layer='Linear')), False, 'random weights, whose answers'),
    ],
)
def test_the_log_tells_public_weights_from_random_ones(changes, pretrained, says, monkeypatch):
    lines, create = [], timm.create_trunk
    fetched = []

    def offline(model, kwargs, pretrained=False):
        fetched.append(pretrained)
        return create(model, kwargs)

    monkeypatch.setattr(inference, 'print_log', lambda line, logger: lines.append(line))
    monkeypatch.setattr(timm, 'create_trunk', offline)
    content = config('features')
    content.model.backbone = dict(TRUNK, **changes)
    init_model(content, device='cpu', pretrained=pretrained)
    assert len(lines) == 1
    assert says in lines[0]
    assert any(fetched) == (pretrained and 'pretrained' in changes)


def test_files_arrays_and_folders_agree(model, videos, tmp_path):
    # Of the middle frames, which are 8 to 15, 12 to 19 and 16 to 23. The first and the last eight have as many bright fields.
    alone = [predict_pace(model, path)['pace'].probabilities for path in videos]
    assert np.abs(alone[0] - alone[1]).max() > 1e-3
    together = predict(model, str(tmp_path / 'videos'), batch_size=2)
    assert [one.filename for one in together] == videos
    np.testing.assert_allclose([one['pace'].probabilities for one in together], alone, atol=1e-6)
    frames = np.stack(open_reader(videos[0]).read(list(range(24))))
    array = predict_pace(model, frames)
    assert array.filename == 'array'
    np.testing.assert_allclose(array['pace'].probabilities, alone[0], atol=1e-6)


def test_the_task_has_true_answers(model, videos):
    sampler = SegmentPaceSample(clip_len=8, seed=3)
    for i, one in enumerate(predict(model, videos, question='task')):
        drawn = sampler(dict(total_frames=24 + 8 * i, sample_idx=i, filename=videos[i]))
        assert one['pace'].truth == (f'{int(drawn["pace_label"][0]) + 1}x',)
        assert one['segment'].truth == (f'{int(drawn["segment_label"][0]) + 1} of 4',)
        assert one.frame_inds.tolist() == drawn['frame_inds'].tolist()
        assert one['pace'].clips.shape == (1, 4)
    assert predict(model, videos[0])[0]['pace'].truth == ()


@pytest.mark.parametrize('question', ['as_is', 'task'])
def test_with_fps_the_clips_have_seconds(question, videos):
    timed = config()
    timed.test_dataloader.dataset.pipeline[1]['fps'] = 12.5
    model = init_model(timed, device='cpu')
    (result,) = predict(model, videos[2], question=question, num_clips=2)
    # Of 25 frames per second.
    np.testing.assert_array_equal(result.frame_inds, np.round(result.frame_seconds * 25))
    assert result.as_dict()['frame_seconds'] == result.frame_seconds.round(3).tolist()
    if question == 'as_is':
        assert np.diff(result.frame_seconds[:8]).tolist() == pytest.approx([0.08] * 7)
    assert predict(init_model(config(), device='cpu'), videos[0])[0].frame_seconds is None


@pytest.mark.parametrize(
    ('kind', 'question', 'task', 'names'),
    [
        ('pace', 'as_is', 'pace', ('0.5x', '1x', '2x')),
        ('vcop', 'task', 'order', ('0-1-2', '0-2-1', '1-0-2', '1-2-0', '2-0-1', '2-1-0')),
        ('classes', 'as_is', 'class', tuple('abcde')),
    ],
)
def test_other_heads(kind, question, task, names, videos):
    model = init_model(config(kind, classes=list('abcde')), device='cpu')
    (result,) = predict(model, videos[0], question=question)
    assert list(result.tasks) == [task]
    assert result[task].names == names
    assert result[task].probabilities.sum() == pytest.approx(1, abs=1e-5)
    assert len(result[task].truth) == (question == 'task')


@pytest.mark.parametrize('average', [None, 'score', 'prob'])
@pytest.mark.parametrize('listed', [True, False])
def test_a_recogniser_says_probabilities_of_the_classes_of_its_lists(average, listed, videos, tmp_path):
    (tmp_path / 'lists').mkdir()
    (tmp_path / 'lists' / 'test.txt').write_text(f'{videos[0]} 0\n')
    (tmp_path / 'lists' / 'classes.txt').write_text('run\nwalk\nsit\nwave\n' + 'fall\n' * listed)
    settings = config('classes')
    settings.model.cls_head.average_clips = average
    settings.test_dataloader.dataset.source = str(tmp_path / 'lists' / 'test.txt')
    model = init_model(settings, device='cpu')
    model.cls_head.fc_cls.weight.data.mul_(50)  # logits far from a distribution
    (result,) = predict(model, videos[0], num_clips=2)
    frames = open_reader(videos[0], channel_order='bgr').read(list(range(24)))
    clips = np.stack([frames[0:8], frames[16:24]])[:, :, 8:40, 16:48].astype(np.float32)
    with torch.no_grad():
        logits = model.cls_head(
            model.backbone(torch.from_numpy((clips - 100) / 50).permute(0, 4, 1, 2, 3).contiguous())
        )
    expected = logits.mean(0).softmax(0) if average == 'score' else logits.softmax(1).mean(0)
    np.testing.assert_allclose(result['class'].probabilities, expected.numpy(), atol=1e-5)
    names = ('run', 'walk', 'sit', 'wave', 'fall') if listed else tuple('01234')
    assert result['class'].names == names
    assert result['class'].best == names[int(expected.argmax())]


def test_class_names_without_any():
    assert class_names(Config(dict(classes=['a'])), 'class', 3) == ('0', '1', '2')
    assert class_names(Config(), Task('segment', segment_names(1)), 1) == ('whole clip',)


def test_paces_are_named_as_the_sampler_has_them():
    sampler = dict(type='auxskd_mm.SegmentPaceSample', speeds=(1, 2, 4, 8))
    loaded = Config(dict(test_dataloader=dict(dataset=dict(pipeline=[sampler]))))
    assert class_names(loaded, 'pace', 4) == ('1x', '2x', '4x', '8x')


def test_what_cannot_be_asked(model, videos, tmp_path):
    with pytest.raises(InputError, match='ClipOrderHead tells the order of shuffled clips'):
        predict(init_model(config('vcop'), device='cpu'), videos[0])
    with pytest.raises(InputError, match='ClipFeatureHead predicts no probabilities'):
        predict(init_model(config('features'), device='cpu'), videos[0])
    with pytest.raises(InputError, match="does not predict 'pace'; it predicts class"):
        predict_pace(init_model(config('classes'), device='cpu'), videos[0])
    with pytest.raises(InputError, match='3 videos: predict_pace takes one'):
        predict_pace(model, videos)
    with pytest.raises(InputError, match="question='how': expected"):
        predict(model, videos[0], question='how')
    with pytest.raises(InputError, match='batch_size=0'):
        next(batches([1], 0))
    bad = tmp_path / 'bad.mp4'
    bad.write_text('no video')
    with pytest.raises(InputError, match=r'bad\.mp4: cannot be opened'):
        predict(model, [str(bad), videos[0]])
    assert [one.filename for one in predict(model, [str(bad), videos[0]], skip_bad=True)] == [videos[0]]
    with pytest.raises(InputError, match=r'bad\.mp4: cannot be opened'):
        predict(model, str(bad), skip_bad=True)


def test_weights(checkpoint, model, tmp_path):
    for key, value in init_model(config(), checkpoint, 'cpu', seed=9).state_dict().items():
        torch.testing.assert_close(value, model.state_dict()[key], rtol=0, atol=0)
    other = init_model(config(), None, 'cpu', seed=9).state_dict()
    assert not torch.equal(other['cls_head.fc_speed.weight'], model.state_dict()['cls_head.fc_speed.weight'])
    assert not model.training
    backbone = {key: value for key, value in model.state_dict().items() if key.startswith('backbone.')}
    torch.save(dict(state_dict=backbone), tmp_path / 'backbone.pth')
    with pytest.raises(InputError, match=r'backbone\.pth: only .* model tensors fit .missing cls_head'):
        init_model(config(), tmp_path / 'backbone.pth', 'cpu')
    half = init_model(config(), tmp_path / 'backbone.pth', 'cpu', require='backbone')
    torch.testing.assert_close(half.state_dict()['backbone.conv1.conv.weight'], backbone['backbone.conv1.conv.weight'])


def test_weights_that_cannot_be_used(tmp_path):
    with pytest.raises(InputError, match=r"device='nowhere': \S"):
        init_model(config(), device='nowhere')
    with pytest.raises(InputError, match=r'none\.pth: no such checkpoint file'):
        init_model(config(), tmp_path / 'none.pth', 'cpu')
    (tmp_path / 'text.pth').write_text('text')
    with pytest.raises(InputError, match=r'text\.pth: not a checkpoint of torch'):
        init_model(config(), tmp_path / 'text.pth', 'cpu')
    torch.save([torch.zeros(1)], tmp_path / 'list.pth')
    with pytest.raises(InputError, match=r'list\.pth: holds no state_dict'):
        init_model(config(), tmp_path / 'list.pth', 'cpu')
    with pytest.raises(InputError, match='the config has no model'):
        init_model(Config(dict(a=1)), None, 'cpu')
    with pytest.raises(InputError, match="require='head'"):
        init_model(config(), None, 'cpu', require='head')


def test_features_of_a_loaded_model_are_those_of_its_config(checkpoint, model, videos):
    options = dict(num_clips=2, num_workers=0)
    first = extract_features(config(), checkpoint, videos, device='cpu', **options)
    second = extract_features(model, videos=videos, **options)
    np.testing.assert_allclose(first.features, second.features, atol=1e-6)
    assert first.protocol['weights'] == second.protocol['weights']
    with pytest.raises(InputError, match='a model has its weights'):
        extract_features(model, checkpoint, videos)


def test_every_type_of_the_registry_is_buildable_by_name():
    from mmaction.registry import INFERENCERS

    assert INFERENCERS.get('auxskd_mm.PretextInferencer').__name__ == 'PretextInferencer'
    assert MODELS.get('auxskd_mm.VSPPHead') is not None


def test_rspnet_tells_which_clip_plays_at_a_speed(videos):
    options = {'model.backbone.base_channels': 2, 'model.head_a.in_channels': 16, 'model.head_m.in_channels': 16}
    model = init_model(load_config(str(CONFIGS / 'demo' / 'rspnet_motion.py'), options), device='cpu')
    (result,) = predict(model, videos[2], question='task')
    assert result['speed'].names == result['speed'].truth == ('1x', '4x')
    np.testing.assert_allclose(result['speed'].clips.sum(1), 1, atol=1e-5)
    with pytest.raises(
        InputError, match="RSPNet tells which of two clips plays at a speed: ask it with question='task'"
    ):
        predict(model, videos[2])


def test_a_classifier_of_whole_videos_sees_whole_videos_also_as_they_are():
    """The model of tools/own_videos.py, and each window of a timeline: its frames are those of the test."""
    found = load_config(str(CONFIGS / 'own_videos' / 'finetuned_on_videos.py'), dict(num_classes=2))
    seen = [
        inference.inference_pipeline(found, question, 1)(
            dict(filename='array', frames=np.zeros((50, 8, 8, 3), np.uint8))
        )
        for question in ('as_is', 'task')
    ]
    as_is, task = (one['data_samples'].frame_inds for one in seen)
    np.testing.assert_array_equal(as_is, task)
    np.testing.assert_array_equal(as_is, np.round(49 / 8 * np.arange(8)) + 3)  # the middles of eight parts
