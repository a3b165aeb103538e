"""Gray recordings of 16 bits in every form through the tools: training, test, pictures, store, prediction, features, export."""

from __future__ import annotations

import functools
import json

import cv2
import numpy as np
import pytest
import torch
from tool_runs import CONFIGS, NotCaptured, call_tool

from auxskd_mm.apis import init_model, load_config, predict
from auxskd_mm.datasets.video_list import UnlabeledVideoDataset

CONFIG = CONFIGS / 'examples' / 'vspp_16bit_small.py'
NETWORK = {'model.backbone.base_channels': 2, 'model.cls_head.in_channels': 16, 'value_range': '(100,4000)'}
FORMS = ('array.npy', 'stack.npz', 'pages.tif', 'frames', 'cine.dcm')


def arrays():
    return [np.random.RandomState(i).randint(100, 4000, (40, 48, 64)).astype(np.uint16) for i in range(len(FORMS))]


def write_forms(folder):
    """One recording in each form. Half of the list has no suffix, as lists often have."""
    folder.mkdir()
    npy, npz, pages, frames, cine = arrays()
    np.save(folder / 'array.npy', npy)
    np.savez(folder / 'stack.npz', frames=npz, fps=20)
    cv2.imwritemulti(str(folder / 'pages.tif'), list(pages))
    (folder / 'frames').mkdir()
    for i, frame in enumerate(frames):
        cv2.imwrite(str(folder / 'frames' / f'{i:04}.png'), frame)
    write_dicom(folder / 'cine.dcm', cine)
    (folder / 'list.txt').write_text('\n'.join(('array', 'stack.npz', 'pages', 'frames', 'cine.dcm')) + '\n')


def write_dicom(path, frames):
    pydicom = pytest.importorskip('pydicom', reason='pydicom 3 needs Python 3.10')
    from pydicom.dataset import FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian, generate_uid

    file = pydicom.Dataset()
    file.file_meta = FileMetaDataset()
    file.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    file.file_meta.MediaStorageSOPClassUID = '1.2.840.10008.5.1.4.1.1.3.1'
    file.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    file.NumberOfFrames, file.Rows, file.Columns = frames.shape
    file.SamplesPerPixel, file.PhotometricInterpretation, file.PixelRepresentation = 1, 'MONOCHROME2', 0
    file.BitsAllocated, file.BitsStored, file.HighBit, file.FrameTime = 16, 12, 11, 50
    file.PixelData = frames.tobytes()
    file.save_as(path, enforce_file_format=True)


@pytest.fixture(scope='module')
def recordings(tmp_path_factory):
    folder = tmp_path_factory.mktemp('recordings') / 'videos'
    write_forms(folder)
    return folder


@pytest.fixture(scope='module')
def checkpoint(tmp_path_factory, recordings):
    """VSPP after one epoch on the list of all forms."""
    folder = tmp_path_factory.mktemp('trained')
    options = {
        **NETWORK,
        'train_dataloader.dataset.source': recordings / 'list.txt',
        'train_dataloader.dataset.repeat': 1,
        'train_dataloader.batch_size': 3,
        'train_dataloader.num_workers': 0,
        'train_dataloader.persistent_workers': False,
        'train_cfg.max_epochs': 1,
        'default_hooks.logger.interval': 1,
    }
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        words = [CONFIG, '--work-dir', 'run', '--seed', 0]
        ended = call_tool(patched, NotCaptured(), 'train.py', *words, options=options)
        assert ended.code == 0
    rows = [
        json.loads(line) for line in next((folder / 'run').glob('*/vis_data/scalars.json')).read_text().splitlines()
    ]
    assert all(np.isfinite(row['loss']) for row in rows if 'loss' in row)
    assert torch.load(folder / 'run' / 'epoch_1.pth', weights_only=True)['state_dict'][
        'backbone.conv1.spatial_conv.weight'
    ].shape[1] == 1  # fmt: skip
    return folder / 'run' / 'epoch_1.pth'


@pytest.fixture
def call(monkeypatch, capfd, tmp_path):
    monkeypatch.chdir(tmp_path)
    return functools.partial(call_tool, monkeypatch, capfd)


def test_test_and_pictures(recordings, checkpoint, call, tmp_path):
    options = {
        **NETWORK, 'test_dataloader.dataset.source': recordings, 'test_dataloader.dataset.repeat': 1,
        'test_dataloader.batch_size': 5, 'test_dataloader.num_workers': 0, 'test_dataloader.persistent_workers': False,
    }  # fmt: skip
    ended = call('test.py', CONFIG, checkpoint, '--work-dir', 'tested', options=options)
    assert ended.code == 0, ended.err
    options = {'train_dataloader.dataset.source': recordings, 'value_range': '(100,4000)'}
    ended = call('visualization/browse_clips.py', CONFIG, '--out', 'clips.png', '--number', 2, options=options)
    assert ended.code == 0, ended.err
    assert cv2.imread(str(tmp_path / 'clips.png')).std() > 10


def test_check_and_store(recordings, call, tmp_path):
    ended = call('data/check_videos.py', recordings, '--report', 'r.csv', '--workers', 1)
    assert ended.code == 0, ended.out + ended.err
    assert '5 ok, 0 bad' in ended.out
    assert 'values: 5 videos looked at have uint16 pixels of 1 channel from 100 to 3999' in ended.out
    words = [recordings, 'store', '--layout', 'raw', '--no-estimate', '--workers', 1]
    ended = call('data/pack_videos.py', *words)
    assert ended.code == 0, ended.err
    from auxskd_mm.datasets.readers import open_reader

    packed = {
        info['filename'].rpartition('/')[2]: info['filename']
        for info in UnlabeledVideoDataset('store').load_data_list()
    }
    for name, array in zip(FORMS, arrays()):
        reader = open_reader(packed[name])
        np.testing.assert_array_equal(np.stack(list(reader.stream()))[..., 0], array)
        assert reader.fps == {'stack.npz': 20, 'cine.dcm': 20}.get(name)
    ended = call('data/pack_videos.py', recordings, 'other', '--no-estimate', '--workers', 1)
    assert "layout='mp4': holds uint8 pixels of 3 channels" in ended.error_line()


def test_predictions_features_and_export(recordings, checkpoint, call, tmp_path):
    words = [CONFIG, checkpoint, *(recordings / name for name in FORMS), '--out', 'p.json', '--out-dir', 'pictures']
    ended = call('predict.py', *words, options=NETWORK)
    assert ended.code == 0, ended.err
    said = json.loads((tmp_path / 'p.json').read_text())['predictions']
    assert len(said) == len(list((tmp_path / 'pictures').iterdir())) == len(FORMS)
    config = load_config(str(CONFIG), dict(NETWORK, value_range=(100, 4000)))
    model = init_model(config, checkpoint)
    (by_array,) = predict(model, arrays()[0])
    assert by_array.as_dict()['pace'] == said[0]['pace']  # an array in memory is what the file holds
    words = [CONFIG, checkpoint, recordings, '--out', 'f.npy', '--num-workers', 0, '--num-clips', 2]
    assert call('extract_features.py', *words, options=NETWORK).code == 0
    assert np.load(tmp_path / 'f.npy').shape == (len(FORMS), 16)
    ended = call('deployment/export.py', CONFIG, checkpoint, 'm.pt2', options=NETWORK)  # it compares the outputs
    assert ended.code == 0, ended.err
    note = json.loads((tmp_path / 'm.json').read_text())['input']
    assert note['shape'][:2] == ['batch', 1]
    assert note['value_range'] == [[100, 4000]]
