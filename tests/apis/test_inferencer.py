"""The inferencer and tools/predict.py: the same answers as predict, pictures, files, and one line for bad input."""

import functools
import json
import re

import cv2
import numpy as np
import pytest
import torch
from conftest import write_video
from small_models import stock_recogniser
from tool_runs import CONFIGS, call_tool

from auxskd_mm.apis import PretextInferencer, init_model, load_config, predict
from auxskd_mm.errors import InputError

VSPP = CONFIGS / 'demo' / 'vspp_motion.py'
TINY = {'model.backbone.base_channels': 2, 'model.cls_head.in_channels': 16}


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Two good videos and a broken one."""
    folder = tmp_path_factory.mktemp('videos')
    for name in 'ac':
        write_video(folder / f'{name}.mp4', num_frames=40)
    (folder / 'b.mp4').write_text('no video')
    return folder


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory):
    path = tmp_path_factory.mktemp('weights') / 'epoch_1.pth'
    torch.save(dict(state_dict=init_model(load_config(str(VSPP), TINY), device='cpu', seed=4).state_dict()), path)
    return str(path)


@pytest.fixture
def call(monkeypatch, capfd):
    return functools.partial(call_tool, monkeypatch, capfd, 'predict.py')


def test_a_folder_gives_what_predict_gives(folder, checkpoint, tmp_path):
    config = load_config(str(VSPP), TINY)
    inferencer = PretextInferencer(config, checkpoint, 'cpu', num_clips=2, show_progress=False)
    results = inferencer(str(folder), batch_size=2, out_dir=str(tmp_path / 'out'))
    expected = predict(init_model(config, checkpoint, 'cpu'), str(folder), num_clips=2, skip_bad=True)
    assert results['predictions'] == [one.as_dict() for one in expected]
    assert [one['filename'] for one in results['predictions']] == [str(folder / 'a.mp4'), str(folder / 'c.mp4')]
    assert len(results['visualization']) == 2
    picture = cv2.imread(results['visualization'][0])
    assert picture.shape[1] > 16 * 60  # a row of 16 frames
    # Without pictures there are none, and the objects come back when asked for.
    again = inferencer(np.zeros((30, 48, 64, 3), np.uint8), return_datasamples=True)
    assert again['visualization'] == []
    assert again['predictions'][0]['segment'].clips.shape == (2, 4)


@pytest.mark.parametrize('disjoint', [False, True])
def test_the_frames_of_a_predicted_segment_are_those_of_the_sampler(disjoint, folder, tmp_path, monkeypatch):
    config = load_config(str(VSPP), {**TINY, 'model.cls_head.num_segments': 2})
    for loader in (config.train_dataloader, config.test_dataloader):
        loader.dataset.pipeline[1].update(num_segments=2, disjoint=disjoint)
    inferencer = PretextInferencer(config, None, 'cpu', num_clips=1, show_progress=False)
    for layer, best in ((inferencer.model.cls_head.fc_speed, 3), (inferencer.model.cls_head.fc_segment, 0)):
        layer.weight.data.zero_()
        layer.bias.data = torch.eye(len(layer.bias))[best]
    rows = []
    monkeypatch.setattr('auxskd_mm.apis.inferencer.draw_clip_sheet', lambda clips, *_: rows.extend(clips))
    inferencer(str(folder / 'a.mp4'), out_dir=str(tmp_path))
    assert np.flatnonzero(rows[0].paced).tolist() == list(range(8 if disjoint else 9))


@pytest.mark.parametrize('question', ['as_is', 'task'])
@pytest.mark.parametrize(
    ('network', 'crop', 'rows'),
    [('clips', 'CenterCrop', 2), ('clips', 'ThreeCrop', 6), ('frames', 'CenterCrop', 1), ('frames', 'ThreeCrop', 3)],
)
def test_crops_and_frames_have_a_picture(network, crop, rows, question, folder, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr('auxskd_mm.apis.inferencer.draw_clip_sheet', lambda clips, *_: drawn.extend(clips))
    inferencer = PretextInferencer(
        stock_recogniser(network, crop), None, 'cpu', question=question, num_clips=2, show_progress=False
    )
    inferencer(str(folder / 'a.mp4'), out_dir=str(tmp_path))
    crops = 3 if crop == 'ThreeCrop' else 1
    per_row = 8 * crops // rows
    assert [clip.frames.shape for clip in drawn] == [(per_row, 32, 32, 3)] * rows
    numbers = predict(inferencer.model, str(folder / 'a.mp4'), question=question, num_clips=2)[0].frame_inds
    once = np.asarray(numbers).reshape(-1, per_row).tolist()
    assert [clip.numbers for clip in drawn] == once * crops
    if network == 'clips':  # each row shows the frames of its numbers: those of a moving picture differ
        assert not np.array_equal(drawn[0].frames, drawn[1].frames)


def test_names_of_the_zoo_are_configs():
    with pytest.raises(InputError, match=r'predicts no probabilities|cannot be opened|no such'):
        PretextInferencer('demo/vspp_motion', device='cpu')('none.mp4')
    with pytest.raises(Exception, match=r'no_such_model\.py'):
        PretextInferencer('no_such_model')


def test_the_tool_prints_and_writes(folder, checkpoint, tmp_path, call):
    out = tmp_path / 'sub' / 'answers.json'
    words = [VSPP, checkpoint, folder, '--question', 'task', '--device', 'cpu', '--no-progress', '--out', out]
    ended = call(*words, options=TINY)
    assert ended.code == 0, ended.err
    written = json.loads(out.read_text())['predictions']
    assert [sorted(one) for one in written] == [['filename', 'pace', 'segment']] * 2
    for one in written:
        best, truth = one['pace']['best'], one['pace']['truth'][0]
        line = next(row for row in ended.out.splitlines() if row.startswith(one['filename']))
        assert f'pace {best} ({one["pace"]["probabilities"][best]:.2f}, true {truth})' in line
    assert 'left out: ' in ended.out
    assert 'b.mp4: cannot be opened as a video' in ended.out


BAD = {
    'config': (['none.py', 'none', 'x.mp4'], r'none.py: no such config file'),
    'checkpoint': ([VSPP, 'none.pth', 'x.mp4'], r'none.pth: no such checkpoint file'),
    'video': ([VSPP, 'none', 'x.mp4'], r'x.mp4: no such file or folder'),
    'broken': ([VSPP, 'none', '{folder}/b.mp4'], r'.*b.mp4: cannot be opened as a video'),
    'webcam': ([VSPP, 'none', '99'], r'webcam 99: OpenCV cannot open it'),
    'out': ([VSPP, 'none', '{folder}', '--out', 'x.txt'], r'x.txt: expected a .json'),
    'unwritable': ([VSPP, 'none', '{folder}', '--out', '{folder}/a.mp4/x.json'], r'.*x.json: cannot be written'),
    'unwritable_dir': ([VSPP, 'none', '{folder}', '--out-dir', '{folder}/a.mp4'], r'.*a.mp4: cannot be written to'),
}


@pytest.mark.parametrize('kind', BAD)
def test_bad_input(kind, folder, tmp_path, monkeypatch, call):
    monkeypatch.chdir(tmp_path)
    words, says = BAD[kind]
    words = [str(word).format(folder=folder) for word in words]
    line = call(*words, '--no-progress', '--device', 'cpu', options=TINY).error_line()
    assert re.match(says, line), line


def test_weights_of_another_network(checkpoint, folder, call):
    options = {**TINY, 'model.backbone.base_channels': 4, 'model.cls_head.in_channels': 32}
    line = call(VSPP, checkpoint, folder, '--device', 'cpu', options=options).error_line()
    assert f'{checkpoint}: only ' in line
    assert 'of another shape' in line
