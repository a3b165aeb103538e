"""Pictures of features: results and texts compared with hand counts; bad input through the tools."""

import numpy as np
import pytest
import torch
from conftest import write_video
from feature_stores import made_up_store
from mmaction.registry import MODELS
from tool_runs import CONFIGS, call_tool

from auxskd_mm.apis import init_model, load_config
from auxskd_mm.apis.pictures import feature_pictures
from auxskd_mm.apis.pictures.feature_pictures import draw_feature_files, draw_pace_embedding, draw_retrieval
from auxskd_mm.datasets.stores import SourceVideo
from auxskd_mm.errors import InputError
from auxskd_mm.evaluation.feature_bank import FeatureBank
from auxskd_mm.visualization.retrieval_examples import find_examples
from auxskd_mm.visualization.retrieval_sheet import UNKNOWN, Example, Found, draw_retrieval_sheet, thumbnail


def bank(folder, name, labels, angle=0.0):
    """Features at angles: neighbours are those of the next angle."""
    angles = angle + np.arange(len(labels)) * 0.1
    features = np.stack([np.cos(angles), np.sin(angles)], 1).astype(np.float32)
    names = [str(folder / f'{name}{i}.mp4') for i in range(len(labels))]
    return FeatureBank(features, np.asarray(labels), names)


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp('features')
    for i in range(3):
        write_video(root / f'g{i}.mp4')
    write_video(root / 'q0.mp4')
    bank(root, 'g', [0, 1, 0]).save(root / 'gallery.npz')
    bank(root, 'q', [1], angle=0.11).save(root / 'query.npz')
    bank(root, 'g', [-1, -1, -1]).save(root / 'unlabelled.npz')
    (root / 'classes.txt').write_text('walk $1\nrun\n')
    return root


def test_neighbours_by_hand(folder):
    gallery, query = (FeatureBank.load(folder / f'{name}.npz') for name in ('gallery', 'query'))
    (example,) = find_examples(gallery, query, [0], ['walk', 'run'], 2)
    # The query is at 0.11: next are 0.1 (right) and 0.2 (wrong).
    assert [(one.path[-6:], one.name, one.right) for one in example.found] == [
        ('g1.mp4', 'run', True),
        ('g2.mp4', 'walk', False),
    ]
    assert example.found[1].similarity == pytest.approx(np.cos(0.09), abs=1e-6)
    unlabelled = FeatureBank.load(folder / 'unlabelled.npz')
    (example,) = find_examples(unlabelled, unlabelled, [0], [], 5)
    # Not itself, and neither right nor wrong.
    assert [(one.name, one.right) for one in example.found] == [('g1.mp4', None), ('g2.mp4', None)]


@pytest.mark.parametrize('files', [('gallery', 'query'), ('gallery', None), ('unlabelled', None)])
def test_sheets_with_labels_and_without(files, folder, tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(feature_pictures, 'draw_retrieval_sheet', lambda *args: drawn.append(args))
    gallery, query = (name and folder / f'{name}.npz' for name in files)
    draw_retrieval(gallery, query, tmp_path / 'r.png', classes=folder / 'classes.txt')
    examples, _, title = drawn[0]
    assert len(examples) == {'query': 1, None: 2}[files[1]] + (files[0] == 'unlabelled')
    assert ('vermilion' in title) is (files[0] == 'gallery')


def test_windows_and_stored_videos_are_shown(folder, tmp_path, monkeypatch):
    """They are no files. A store of feature maps shows the videos that were packed."""
    drawn = []
    monkeypatch.setattr(feature_pictures, 'draw_retrieval_sheet', lambda *args: drawn.append(args))
    sources = [SourceVideo(str(folder / f'g{i}.mp4'), f'g{i}.mp4', 0) for i in range(3)]
    store = made_up_store(tmp_path, sources, {})
    windows = [f'{folder / "g0.mp4"}#t={i / 10},{i / 10 + 0.1:g}' for i in range(3)]
    for names in (windows, [f'{store.path}/g{i}.mp4' for i in range(3)]):
        FeatureBank(np.eye(3, dtype=np.float32) + 0.1, np.arange(3), names).save(tmp_path / 'f.npz')
        draw_retrieval(tmp_path / 'f.npz', None, tmp_path / 'r.png')
        assert all(np.ptp(thumbnail(name)) > 127 for name in names)
    assert len(drawn) == 2


def test_the_unknown_is_neither_colour(folder, tmp_path):
    import cv2

    video = str(folder / 'g0.mp4')
    path = draw_retrieval_sheet([Example(video, 'x', [Found(video, 'x', 0.5, None)])], tmp_path / 's.png')
    grey = int(UNKNOWN[1:3], 16)
    assert int((cv2.imread(str(path)) == grey).all(-1).sum()) > 200


def test_how_well_it_is_encoded_by_counting():
    """Of six points at 0, .1, .2 and 1, 1.1, 1.2 (classes a and b, one wrong) each has 5 nearest: everything else."""
    labels = np.array([0, 0, 0, 1, 1, 1])
    features = np.eye(6, 4, dtype=np.float32) + 1
    text = feature_pictures._encoded(features, labels, np.arange(6), 'class')
    # All others vote: three of the other class outvote two of the own one.
    assert text == 'by class: 5-NN 0% right, guessing 50%'
    same = feature_pictures._same_video(
        np.array([[1, 0], [1, 0.1], [0, 1], [0.1, 1]], np.float32), np.array([0, 0, 1, 1])
    )
    assert same == 'the nearest clip is of the same video in 100% (guessing 33.3%)'


class PaceOnly(torch.nn.Module):
    """A backbone whose feature is how much changes from frame to frame, and nothing else."""

    def forward(self, clips):
        change = clips.diff(dim=2).abs().mean((1, 2, 3, 4))
        return torch.stack([change, torch.ones_like(change)], 1)


def test_pace_and_class_at_several_paces(tmp_path, monkeypatch):
    """A square that moves a pixel per frame: the mean change grows with the pace, whatever the class."""
    rows = []
    for i in range(6):
        rows.append(f'{moving_square(tmp_path / f"{i}.mp4", i)} {i % 2}\n')
    (tmp_path / 'list.txt').write_text(''.join(rows))
    config = load_config(str(CONFIGS / 'demo/vspp_motion.py'))
    model = init_model(config, None, 'cpu')
    model.backbone = PaceOnly()
    drawn = []
    monkeypatch.setattr(feature_pictures, 'draw_embeddings', lambda *args: drawn.append(args))
    draw_pace_embedding(
        model, str(tmp_path / 'list.txt'), tmp_path / 'e.png', paces=(1, 4), method='pca', num_workers=0
    )
    points, labels, names, _, title = drawn[0]
    pace, classes = points
    assert pace == 'by pace: 5-NN 100% right, guessing 50%'
    assert labels[pace] == [0] * 6 + [1] * 6
    assert labels[classes] == [0, 1] * 6
    assert names[pace] == ['1x', '4x']
    assert title.startswith('middle clips of 6 videos')


def moving_square(path, offset):
    import av

    with av.open(str(path), 'w') as container:
        stream = container.add_stream('libx264', rate=25)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuv420p'
        for i in range(80):
            frame = np.zeros((48, 64, 3), np.uint8)
            left = (i // 2 + offset) % 24
            frame[20:40, 16 + left : 24 + left] = 255
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format='rgb24')))
        container.mux(stream.encode(None))
    return path


def test_files_side_by_side(folder, tmp_path):
    path = draw_feature_files(
        dict(a=folder / 'gallery.npz', b=folder / 'gallery.npz'), tmp_path / 'x.png', method='pca'
    )
    assert path.read_bytes()[:4] == b'\x89PNG'
    with pytest.raises(InputError, match='paces=\\[1, 1\\]: expected at least two different'):
        draw_pace_embedding(
            MODELS.build(dict(type='auxskd_mm.MLP', in_channels=2, out_channels=2)),
            '.',
            tmp_path / 'x.png',
            paces=[1, 1],
        )


@pytest.mark.parametrize(
    ('tool', 'words', 'says'),
    [
        ('retrieval_sheet', ['gone.npz'], 'gone.npz: no such feature file'),
        ('retrieval_sheet', ['classes.txt'], 'classes.txt: not a feature file of this package'),
        ('retrieval_sheet', ['gallery.npz', '--classes', 'gone.txt'], 'gone.txt: no such text file'),
        ('retrieval_sheet', ['gallery.npz', '--out', '/proc/x/a.png'], '/proc/x/a.png: cannot be written'),
        ('retrieval_sheet', ['gallery.npz', '--queries', '0'], 'queries=0: expected at least 1'),
        ('retrieval_sheet', ['moved.npz'], 'cannot be read, nor can any other'),
        ('embedding', ['gone.npz'], 'gone.npz: no such feature file'),
        ('embedding', ['unlabelled.npz'], 'unlabelled: 3 of 3 videos have no label'),
        ('embedding', ['gallery.npz', '--out', 'a.jpg'], 'a.jpg: expected a .png file'),
        ('embedding', ['gallery.npz', '--method', 'umap'], 'pip install umap-learn'),
        ('embedding', ['gallery.npz', '--seed', '-1'], 'seed=-1: expected at least 0'),
        ('embedding', [], 'give either feature files, or --config and --videos'),
        ('embedding', ['--config', 'CONFIG', '--videos', 'g0.mp4', '--checkpoint', 'gone.pth'], 'gone.pth: no such'),
        ('embedding', ['--config', 'CONFIG', '--videos', 'g0.mp4', '--checkpoint', 'classes.txt'], 'not a checkpoint'),
    ],
)
def test_bad_input_is_one_line(tool, words, says, folder, monkeypatch, capfd):
    monkeypatch.chdir(folder)
    bank(folder / 'moved', 'g', [0, 1]).save('moved.npz')
    words = [str(CONFIGS / 'demo/vspp_motion.py') if word == 'CONFIG' else word for word in words]
    assert says in call_tool(monkeypatch, capfd, f'visualization/{tool}.py', *words).error_line()
