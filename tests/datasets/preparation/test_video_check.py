"""What the check finds in good, damaged, short and repeated videos, also where the decoder crashes."""

import csv
import io
import json
import os
import runpy
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import write_video
from tool_runs import TOOLS

from auxskd_mm.datasets.packing import pack_videos
from auxskd_mm.datasets.preparation import video_check
from auxskd_mm.datasets.preparation.video_check import check_video, check_videos, summarize, write_report
from auxskd_mm.datasets.readers.pyav import PyAVReader
from auxskd_mm.datasets.stores import SourceVideo, StoreSettings
from auxskd_mm.errors import InputError


@pytest.fixture
def paths(tmp_path):
    """ok, its copy, short, truncated, damaged in the middle, not a video, empty, missing, audio, a frame folder."""
    made = {}
    made['ok'] = write_video(tmp_path / 'ok.mp4')
    made['copy'] = shutil.copy(made['ok'], tmp_path / 'copy.mp4')
    made['short'] = write_video(tmp_path / 'short.mp4', num_frames=5)
    made['truncated'] = write_video(
        tmp_path / 'truncated.mp4', num_frames=60, options=dict(container=dict(movflags='faststart'))
    )
    data = Path(made['truncated']).read_bytes()
    Path(made['truncated']).write_bytes(data[: 2 * len(data) // 3])
    made['damaged'] = write_video(tmp_path / 'damaged.mp4', num_frames=60)
    data = Path(made['damaged']).read_bytes()
    first, last = len(data) // 4, len(data) // 2
    noise = np.random.default_rng(0).bytes(last - first)
    Path(made['damaged']).write_bytes(data[:first] + noise + data[last:])
    made['text'] = str(tmp_path / 'text.mp4')
    Path(made['text']).write_text('no video')
    made['empty'] = str(tmp_path / 'empty.mp4')
    Path(made['empty']).touch()
    made['missing'] = str(tmp_path / 'missing.mp4')
    made['audio'] = write_video(tmp_path / 'audio.mp4', audio_only=True)
    made['frames'] = str(tmp_path / 'frames')
    os.mkdir(made['frames'])
    for i in range(20):
        cv2.imwrite(f'{made["frames"]}/{i}.png', np.full((8, 12, 3), i, np.uint8))
    return made


def test_each_kind(paths):
    bar = io.StringIO()
    reports = dict(zip(paths, check_videos(list(paths.values()), min_frames=16, workers=2, progress=bar)))
    found = {name: report.status for name, report in reports.items()}
    bad = dict.fromkeys(['truncated', 'damaged', 'text', 'empty', 'missing', 'audio'], 'bad')
    assert found == {**bad, 'ok': 'ok', 'copy': 'duplicate', 'short': 'short', 'frames': 'ok'}
    ok = reports['ok']
    assert (ok.frames, ok.width, ok.height, ok.fps, ok.size) == (24, 64, 48, 25, os.path.getsize(paths['ok']))
    assert reports['copy'].reason == f'same content as {paths["ok"]}'
    assert reports['short'].reason == '5 frames, fewer than 16'
    assert reports['missing'].reason == 'No such file or directory'
    assert reports['empty'].reason == 'the file is empty (0 bytes)'
    assert reports['audio'].reason == 'holds no video stream (only audio)'
    frames = reports['frames']
    assert (frames.frames, frames.width, frames.height, frames.fps) == (20, 12, 8, None)
    assert '10/10' in bar.getvalue()
    assert 'ETA' in bar.getvalue()
    assert summarize(reports.values()) == dict(ok=2, bad=6, short=1, duplicate=1)


def test_content_decides_what_is_twice(paths, tmp_path):
    other = tmp_path / 'other'
    shutil.copytree(paths['frames'], other)
    (same,) = [r.status for r in check_videos([paths['frames'], str(other)], progress=None)[1:]]
    cv2.imwrite(str(other / '3.png'), np.full((8, 12, 3), 99, np.uint8))
    (changed,) = [r.status for r in check_videos([paths['frames'], str(other)], progress=None)[1:]]
    assert (same, changed) == ('duplicate', 'ok')
    # Two damaged files stay bad, and two empty ones are not copies of each other.
    statuses = [r.status for r in check_videos([paths['text'], paths['empty'], paths['text']], progress=None)]
    assert statuses == ['bad', 'bad', 'bad']


def test_a_crash_costs_one_video(paths, monkeypatch):
    decode = video_check._decode_video

    def crash(reader):
        if reader.path.endswith('short.mp4'):
            os._exit(11)
        return decode(reader)

    monkeypatch.setattr(video_check, '_decode_video', crash)  # forked workers take it over
    reports = check_videos([paths['short'], paths['ok'], paths['frames']], workers=2, progress=None)
    assert [r.status for r in reports] == ['bad', 'ok', 'ok']
    assert reports[0].reason == 'the decoder crashes on it'


def test_frames_that_come_in_another_order_by_number(tmp_path, monkeypatch):
    path = write_video(tmp_path / 'v.mp4', options=dict(codec={'bf': '2', 'x264-params': 'b-adapt=0'}))
    assert check_video(path).status == 'ok'
    compared = []
    read = PyAVReader.read
    monkeypatch.setattr(PyAVReader, 'read', lambda self, indices: compared.extend(indices) or read(self, indices))
    assert check_video(path).status == 'ok'
    assert compared == [0, 1, 7, 8, 14, 15, 22, 23]
    # As if the file's time stamps were those of the next frame: reading in order does not look at them.
    monkeypatch.setattr(PyAVReader, 'read', lambda self, indices: read(self, [min(i + 1, 23) for i in indices]))
    report = check_video(path)
    assert report.status == 'bad'
    assert report.reason.startswith('frame 0 read by number is not frame 0 read in order (7 of 8 compared); convert it')


def test_the_tool_says_that_it_compared_and_which_video_differs(tmp_path, monkeypatch, capsys):
    good = write_video(tmp_path / 'good.mp4')
    bad = write_video(tmp_path / 'bad.mp4', num_frames=30)
    read = PyAVReader.read

    def wrong(self, indices):
        return read(self, [min(i + 1, self.num_frames - 1) for i in indices] if self.path == bad else indices)

    monkeypatch.setattr(PyAVReader, 'read', wrong)
    report, good_list = tmp_path / 'report.csv', tmp_path / 'good.txt'
    tool = str(TOOLS / 'data' / 'check_videos.py')
    options = ['--report', str(report), '--good-list', str(good_list), '--workers', '1']
    monkeypatch.setattr('sys.argv', [tool, str(tmp_path), *options])
    module = runpy.run_path(tool)
    with pytest.raises(SystemExit, match='3'):
        module['main'](module['parse_args']())
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith(f'bad: {bad}: frame 0 read by number is not frame 0 read in order')
    assert lines[1] == 'of each video 8 frames were read in order and again by number, and compared'
    assert lines[-1].startswith('1 ok, 1 bad, 0 short, 0 duplicate')
    assert good_list.read_text().split() == [good]


def test_reports(paths, tmp_path):
    reports = [check_video(paths['ok']), check_video(paths['text'])]
    write_report(tmp_path / 'sub/r.csv', reports)
    rows = list(csv.DictReader((tmp_path / 'sub/r.csv').open()))
    assert [(row['path'], row['status'], row['frames']) for row in rows] == [
        (paths['ok'], 'ok', '24'),
        (paths['text'], 'bad', '0'),
    ]
    write_report(tmp_path / 'r.json', reports)
    content = json.loads((tmp_path / 'r.json').read_text())
    assert content['summary'] == dict(ok=1, bad=1, short=0, duplicate=0)
    assert content['videos'][0]['digest'] == reports[0].digest != reports[1].digest
    with pytest.raises(InputError, match=r'ends in \.csv or \.json'):
        write_report(tmp_path / 'r.txt', reports)


@pytest.mark.parametrize(('option', 'value', 'says'), [('--most', -1, 'most=-1'), ('--max-pixels', 0, 'max_pixels=0')])
def test_the_tool_refuses_numbers_below_the_least(paths, tmp_path, call, option, value, says):
    """All problems but one were printed, and "21 more"; a limit of 0 was none."""
    ended = call('data/check_videos.py', paths['ok'], '--report', tmp_path / 'r.csv', '--workers', 1, option, value)
    assert ended.error_line().startswith(f'{says}: expected at least')


def test_bad_arguments(paths):
    with pytest.raises(InputError, match='no videos to check'):
        check_videos([])
    with pytest.raises(InputError, match='min_frames=0'):
        check_videos([paths['ok']], min_frames=0)


def test_a_store_is_for_the_check_of_stores(paths, tmp_path):
    """Each of its videos was called bad, with "no such file"."""
    pack_videos(tmp_path / 'store', [SourceVideo(paths['ok'], 'a/ok.mp4')], StoreSettings('mp4'))
    with pytest.raises(
        InputError, match=r'ok\.mp4: is in a store; run tools/data/pack_videos\.py --check .*store, or check its'
    ):
        check_videos([paths['ok'], str(tmp_path / 'store' / 'a' / 'ok.mp4')])
