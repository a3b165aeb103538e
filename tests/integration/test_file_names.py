"""Videos whose names are not UTF-8 go through the tools, and come out under the bytes that the file system has."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import sys

import cv2
import numpy as np
import pytest
from conftest import write_video
from tool_runs import CONFIGS, TINY_VSPP

from auxskd_mm.datasets import UnlabeledVideoDataset
from auxskd_mm.datasets.preparation.labeled_list import write_lines
from auxskd_mm.datasets.preparation.video_check import check_videos, write_report
from auxskd_mm.datasets.readers import open_reader
from auxskd_mm.datasets.stores import open_store
from auxskd_mm.launch.tool import run_tool

VSPP = CONFIGS / 'demo' / 'vspp_motion.py'
NAME = b'caf\xe9'


@pytest.fixture
def folder(tmp_path):
    """Four videos and a bad one; names and one folder in Latin-1."""
    folder = tmp_path / os.fsdecode(b'vid\xe9os')
    folder.mkdir()
    video = write_video(tmp_path / 'v.mp4', num_frames=24)
    for i in range(4):
        shutil.copy(video, folder / os.fsdecode(NAME + b'%d.mp4' % i))
        with (folder / os.fsdecode(NAME + b'%d.mp4' % i)).open('ab') as file:
            file.write(bytes(i))  # no duplicates
    (folder / os.fsdecode(NAME + b'_bad.mp4')).write_bytes(b'bad')
    return folder


def test_check_and_its_reports(folder, tmp_path):
    dataset = UnlabeledVideoDataset(folder, lazy_init=True)
    reports = check_videos([sample['filename'] for sample in dataset.load_data_list()], workers=1, progress=None)
    assert [report.status for report in reports] == ['ok'] * 4 + ['bad']
    for suffix in ('csv', 'json'):
        write_report(tmp_path / f'report.{suffix}', reports)
    good = write_lines(tmp_path / 'good.txt', [report.path for report in reports[:4]])
    assert good.read_bytes().splitlines() == [os.fsencode(folder) + b'/' + NAME + b'%d.mp4' % i for i in range(4)]
    with (tmp_path / 'report.csv').open(encoding='utf-8', errors='surrogateescape') as stream:
        assert [row['path'] for row in csv.DictReader(stream)] == [report.path for report in reports]
    assert json.loads((tmp_path / 'report.json').read_text())['videos'][0]['path'] == reports[0].path
    assert len(UnlabeledVideoDataset(good)) == 4  # the list can be read back


@pytest.mark.parametrize('layout', ['mp4', 'jpg'])
def test_pack_and_read_back(call, folder, tmp_path, layout):
    store = tmp_path / 'store'
    words = ('--workers', 1, '--layout', layout, '--max-bad-share', 0.5)
    ended = call('data/pack_videos.py', folder, store, *words)
    assert ended.code == 0, ended.err
    assert [os.fsencode(name) for name in open_store(str(store)).index.names] == [
        NAME + b'%d.mp4' % i for i in range(4)
    ]
    assert call('data/pack_videos.py', store, '--check').code == 0


def test_extract_and_its_names(call, folder, tmp_path):
    out = tmp_path / 'features.npy'
    words = (VSPP, 'none', folder, '--out', out, '--num-clips', 1, '--num-workers', 0)
    ended = call('extract_features.py', *words, options={'model.backbone.base_channels': 2})
    assert ended.code == 0, ended.err
    assert len(np.load(out)) == 4
    assert out.with_suffix('.txt').read_bytes().splitlines() == [
        os.fsencode(folder) + b'/' + NAME + b'%d.mp4' % i for i in range(4)
    ]


def test_train_and_its_log(call, folder, tmp_path):
    work = tmp_path / 'run'
    options = {**TINY_VSPP, 'train_dataloader.dataset.source': folder, 'train_dataloader.dataset.max_bad_share': 0.5}
    options['train_dataloader.batch_size'] = 5  # all videos: a batch of 4 may leave out the bad one
    ended = call('train.py', VSPP, '--work-dir', work, options=options)
    assert ended.code == 0, ended.err
    assert 'Logging error' not in ended.err
    log = next(work.glob('*/*.log')).read_bytes()
    shown = f'{folder}/{os.fsdecode(NAME)}_bad.mp4'.encode('utf-8', 'backslashreplace')
    assert b'unreadable video left out: ' + shown in log


def test_a_frame_folder_with_such_a_name_is_read(tmp_path):
    frames = tmp_path / os.fsdecode(NAME)
    frames.mkdir()
    for i in range(20):
        data = cv2.imencode('.png', np.full((8, 8, 3), i, np.uint8))[1]
        (frames / os.fsdecode(b'f\xe9_%d.png' % i)).write_bytes(data.tobytes())
    assert check_videos([str(frames)], workers=1, progress=None)[0].status == 'ok'
    assert [int(frame[0, 0, 0]) for frame in open_reader(str(frames)).read([0, 9, 10])] == [0, 9, 10]


@pytest.mark.parametrize(('encoding', 'shown'), [('utf-8', b'caf\\udce9 \xc3\xa9\n'), ('ascii', b'caf\\udce9 \\xe9\n')])
def test_a_terminal_that_cannot_show_a_name_ends_no_tool(monkeypatch, encoding, shown):
    with io.TextIOWrapper(io.BytesIO(), encoding=encoding) as stream:
        monkeypatch.setattr(sys, 'stdout', stream)
        run_tool(lambda: print(os.fsdecode(b'caf\xe9'), 'é'))
        stream.flush()
        assert stream.buffer.getvalue() == shown
