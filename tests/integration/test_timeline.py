"""tools/predict.py --timeline: what it writes, and what it refuses."""

import csv
import json

import cv2
import numpy as np
import pytest
from dot_scene import SOURCES, write_scene
from tool_runs import CONFIGS, call_tool

VSPP = CONFIGS / 'demo' / 'vspp_motion.py'
TINY = {'model.backbone.base_channels': 2, 'model.cls_head.in_channels': 16}


@pytest.fixture(scope='module')
def recording(tmp_path_factory):
    return write_scene(tmp_path_factory.mktemp('scene') / 'dot.mp4', SOURCES['varying'])


def run(monkeypatch, capfd, *words):
    return call_tool(monkeypatch, capfd, 'predict.py', VSPP, 'none', *words, '--no-progress', options=TINY)


def test_files_agree_and_show_every_window(recording, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'truth.txt').write_text('0 2 1x\n2 4 2x\n')
    words = ['--timeline', recording, '--window', 1, '--stride', 0.5, '--threshold', 0.05, '--truth', 'truth.txt']
    for out in ([], ['--out', 'deep/line.csv']):
        ended = run(monkeypatch, capfd, *words, *out)
        assert ended.code == 0, ended.err
    assert 'times real time; 7 windows of 1 s, 0.5 s apart; ' in ended.out
    assert '| all, IoU >= 0.5 |' in ended.out
    names = ['dot.timeline.csv', 'dot.timeline.events.csv', 'dot.timeline.json', 'dot.timeline.png', 'truth.txt']
    assert sorted(path.name for path in tmp_path.glob('*.*')) == names
    assert (tmp_path / 'deep' / 'line.json').read_text() == (tmp_path / 'dot.timeline.json').read_text()
    whole = json.loads((tmp_path / 'dot.timeline.json').read_text())
    with open('dot.timeline.csv', newline='') as file:
        header, *rows = csv.reader(file)
    assert header == ['start', 'end', *whole['classes']]
    assert (whole['task'], whole['classes']) == ('pace', ['1x', '2x', '4x', '8x'])
    table = np.array(rows, float)
    assert table[:, :2].tolist() == [[k / 2, k / 2 + 1] for k in range(7)]
    np.testing.assert_allclose(table[:, 2:], whole['scores'])
    np.testing.assert_allclose(table[:, 2:].sum(1), 1, atol=1e-5)
    with open('dot.timeline.events.csv', newline='') as file:
        events = list(csv.DictReader(file))
    # Every class is above the threshold all the time.
    assert [(float(e['start']), round(float(e['end'])), e['label']) for e in events] == [
        (0, 4, name) for name in whole['classes']
    ]
    assert whole['f1']['0.5'] == pytest.approx(2 * 2 / (4 + 2), abs=1e-6)
    picture = cv2.imread('dot.timeline.png')
    assert picture is not None
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) > 20


def test_the_background_is_no_event_of_the_truth(recording, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'truth.txt').write_text('0 3.5 1x\n3.5 4 2x\n')
    words = ['--window', 1, '--threshold', 0, '--background', '1x', '4x', '8x', '--truth', 'truth.txt', '--iou', 0.1]
    ended = run(monkeypatch, capfd, '--timeline', recording, *words)
    assert ended.code == 0, ended.err
    # The one event, all of the recording of class 2x, has an IoU of 0.125 with the true one.
    rows = [line for line in ended.out.splitlines() if line.startswith('| ') and 'IoU >= 0.1 ' in line]
    assert rows == [f'| {name}, IoU >= 0.1 | 1.000 | 1.000 | 1.000 | 1 | 0 | 0 |' for name in ('all', '2x')]
    whole = json.loads((tmp_path / 'dot.timeline.json').read_text())
    assert whole['f1'] == {'0.1': 1.0, '0.25': 0.0, '0.5': 0.0}
    assert len(whole['truth']) == 2


def test_the_hidden_bar_tells_the_time_left(recording, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    words = ['predict.py', VSPP, 'none', '--timeline', recording, '--window', 2, '--stride', 2]
    ended = call_tool(monkeypatch, capfd, *words, options=TINY)
    assert ended.code == 0, ended.err
    assert 'ETA' in ended.err


@pytest.mark.parametrize(
    ('words', 'expected'),
    [
        (['--window', 5], 'shorter than window=5'),
        (['--window', 0], 'timeline.window=0.0: expected seconds above 0'),
        (['--window', 'nan'], 'timeline.window=nan: expected seconds above 0'),
        (['--stride', -1], 'timeline.stride=-1.0: expected seconds above 0'),
        (['--stride', 0.001], 'stride=0.001 is shorter than a frame'),
        (['--threshold', 'lob=0.5'], '--threshold lob: the model has no such class; its classes are 1x, 2x, 4x, 8x'),
        (['--threshold', 1.5], '--threshold 1.5: expected a number from 0 to 1'),
        (['--question', 'task'], '--timeline: asks how each window is'),
        (['--background', 'lob'], '--background lob: the model has no such class'),
        (['--iou', 2], 'iou=2: expected a temporal IoU'),
        (['--task', 'order'], "the model does not predict 'order'; it predicts pace, segment"),
        (['--out', 'a.yaml'], 'a.yaml: expected a file that ends in .csv, .json, .png'),
        (['--truth', 'none.txt'], 'none.txt: no such file'),
        (['--truth', 'late.txt'], "late.txt: line 2 '3 9 1x': ends beyond the recording"),
        (['--num-clips', 0], 'num_clips=0: expected at least 1'),
    ],
)
def test_mistakes(recording, tmp_path, monkeypatch, capfd, words, expected):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'late.txt').write_text('0 1 1x\n3 9 1x\n')
    line = run(
        monkeypatch, capfd, *words, '--timeline', recording, *([] if '--window' in words else ['--window', 1])
    ).error_line()
    assert expected in line
    assert [path.name for path in tmp_path.iterdir()] == ['late.txt']


@pytest.mark.parametrize('words', [['--truth', 'truth.txt'], ['--window', 3], ['--merge-gap', 1]])
def test_options_of_a_timeline_alone_are_refused(recording, monkeypatch, capfd, words):
    ended = run(monkeypatch, capfd, recording, *words)
    assert ended.code == 2
    assert f'{words[0]}: has no effect without --timeline; add that, or leave it out' in ended.err


@pytest.mark.parametrize('words', [['--windows', 3], ['--stream-frames', 32]])
def test_options_of_streams_are_refused(recording, monkeypatch, capfd, words):
    """``--windows 3`` left the windows at 2 s without a word."""
    ended = run(monkeypatch, capfd, '--timeline', recording, *words)
    assert ended.code == 2
    assert f'{words[0]}: has no effect with --timeline, whose windows --window and --stride name' in ended.err


def test_windows_of_a_recording_have_files_of_their_own(recording, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    for window in ('0,1.5', '1.5,3'):
        ended = run(monkeypatch, capfd, '--timeline', f'{recording}#t={window}', '--window', 1)
        assert ended.code == 0, ended.err
    assert sorted(path.name for path in tmp_path.glob('*.json')) == [
        f'dot#t={window}.timeline.json' for window in ('0,1.5', '1.5,3')
    ]
    assert json.loads((tmp_path / 'dot#t=0,1.5.timeline.json').read_text())['recording'].endswith('#t=0,1.5')


def test_one_recording_at_a_time(recording, monkeypatch, capfd):
    line = run(monkeypatch, capfd, '--timeline', recording, 'other.mp4').error_line()
    assert line.startswith('--timeline: takes one recording, not 2')


def test_the_recording_may_stand_first_or_last(recording, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    ended = run(monkeypatch, capfd, recording, '--stride', 2, '--timeline', '--out', 'a.png')
    assert ended.code == 0, ended.err
    ended = run(monkeypatch, capfd, '--stride', 2, '--timeline', recording, '--out', 'b.png')
    assert ended.code == 0, ended.err
    assert (tmp_path / 'a.json').read_text() == (tmp_path / 'b.json').read_text()


def test_a_folder_of_frames_needs_a_rate(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    for i in range(30):
        (tmp_path / 'frames').mkdir(exist_ok=True)
        cv2.imwrite(f'frames/{i:03d}.jpg', np.full((48, 64, 3), 8 * i, np.uint8))
    line = run(monkeypatch, capfd, '--timeline', 'frames').error_line()
    assert 'has no frame rate' in line
    assert 'OpenVideo.source_fps' in line
    options = {**TINY, 'test_dataloader.dataset.pipeline.0.source_fps': 10}
    words = [VSPP, 'none', '--timeline', 'frames', '--window', 1, '--stride', 1, '--no-progress']
    ended = call_tool(monkeypatch, capfd, 'predict.py', *words, options=options)
    assert ended.code == 0, ended.err
    assert 'frames: 3.0 s in' in ended.out
    assert '3 windows of 1 s' in ended.out
