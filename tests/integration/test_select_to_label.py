"""tools/select_to_label.py: from a folder of videos to lists, and what it refuses."""

import csv

import cv2
import numpy as np
import pytest
from conftest import write_video
from tool_runs import CONFIGS, call_tool, tiny_clips

from auxskd_mm.apis.extract_features import extract_features
from auxskd_mm.evaluation.feature_bank import FeatureBank
from auxskd_mm.own_videos.videos import find_videos

VSPP = CONFIGS / 'demo' / 'vspp_motion.py'


@pytest.fixture
def folder(tmp_path, monkeypatch):
    tiny_clips(tmp_path / 'set')
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_features(folder, config='mine.py'):
    """Two far groups of clips, which are the classes."""
    paths = sorted((folder / 'set' / 'train').rglob('*.mp4'))
    groups = np.array([path.parent.name == 'rotation' for path in paths]).astype(int)
    features = np.eye(4)[groups] + 0.01 * np.random.default_rng(0).standard_normal((len(paths), 4))
    labels = np.full(len(paths), -1)
    bank = FeatureBank(features.astype(np.float32), labels, [str(path) for path in paths], dict(config=config))
    bank.save(folder / 'features.npz')
    return bank


def run(monkeypatch, capfd, *words):
    return call_tool(monkeypatch, capfd, 'select_to_label.py', *words)


def rows_of(path):
    with open(path, newline='') as file:
        return list(csv.reader(file))


def test_features_are_computed_once_and_the_table_becomes_lists(folder, monkeypatch, capfd):
    words = ['set', '--count', 6, '--config', VSPP, '--checkpoint', 'none', '--num-workers', 0, '--num-clips', 1]
    ended = run(monkeypatch, capfd, *words)
    assert ended.code == 0, ended.err
    assert '6 of 12 videos (typical) -> to_label.csv, to_label.png; features: to_label.features.npz' in ended.out
    header, *rows = rows_of('to_label.csv')
    assert header == ['path', 'label']
    assert len({path for path, _ in rows}) == 6
    assert all(label == '' and (folder / 'set' / path).is_file() for path, label in rows)
    assert len(np.unique(cv2.imread('to_label.png').reshape(-1, 3), axis=0)) > 100
    # The features are read again, not computed: their file alone says so.
    written = (folder / 'to_label.features.npz').stat().st_mtime_ns
    monkeypatch.setattr('auxskd_mm.apis.label_choice.extract_features', lambda *a, **k: pytest.fail('computed again'))
    assert run(monkeypatch, capfd, *words, '--strategy', 'diverse').code == 0
    assert (folder / 'to_label.features.npz').stat().st_mtime_ns == written
    # Filled in by hand, it is what prepare_folder and the tool itself read.
    _, *rows = rows_of('to_label.csv')
    filled = [(path, ['slow', 'fast'][i % 2]) for i, (path, _) in enumerate(rows)]
    (folder / 'filled.csv').write_text('path,label\n' + ''.join(f'{path},{label}\n' for path, label in filled))
    lists = call_tool(
        monkeypatch, capfd, 'data/prepare_folder.py', 'set', 'lists', '--table', 'filled.csv', '--test-share', 0.5
    )
    assert lists.code == 0, lists.err
    assert (folder / 'lists' / 'classes.txt').read_text().split() == ['fast', 'slow']
    more = ['--labelled', 'filled.csv', '--out', 'more.csv', '--features', 'to_label.features.npz']
    for strategy in ('typical', 'uncertain'):
        assert run(monkeypatch, capfd, *words, *more, '--strategy', strategy).code == 0
        assert not {path for path, _ in rows_of('more.csv')[1:]} & {path for path, _ in filled}


def test_windows_of_recordings_are_chosen_and_their_table_goes_to_own_videos(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'cams').mkdir()
    for name in 'ab':
        write_video(tmp_path / 'cams' / f'{name}.mp4', 50)
    words = ['cams', '--window', 0.6, '--stride', 0.4, '--count', 4, '--config', VSPP, '--checkpoint', 'none']
    words += ['--num-workers', 0, '--num-clips', 1]
    names = [f'{name}.mp4#t={span}' for name in 'ab' for span in ('0,0.6', '0.4,1', '0.8,1.4', '1.2,1.8')]
    for _ in range(2):  # computed, and read again
        assert '4 of 8 videos (typical)' in run(monkeypatch, capfd, *words).out
        # Of windows that overlap the first: two of them could get two labels.
        assert {path for path, _ in rows_of('to_label.csv')[1:]} == {*names[::2]}
    # Their features are those of the same windows in a list.
    (tmp_path / 'windows.txt').write_text(''.join(f'cams/{name}\n' for name in names))
    listed = extract_features(str(VSPP), None, 'windows.txt', num_clips=1, num_workers=0)
    bank = FeatureBank.load('to_label.features.npz')
    assert [name.rpartition('/')[2] for name in bank.names] == names
    np.testing.assert_array_equal(bank.features, listed.features)
    chosen = [path for path, _ in rows_of('to_label.csv')[1:]]
    (tmp_path / 'filled.csv').write_text('path,label\n' + ''.join(f'"{path}",x\n' for path in chosen))
    found = find_videos(tmp_path / 'cams', tmp_path / 'filled.csv', say=str)
    assert {video.name for video in found.labeled} == set(chosen)


def test_a_video_that_is_named_twice_is_one_video(folder, monkeypatch, capfd):
    words = ['set', 'set/train/*/*.mp4', '--count', 12, '--config', VSPP, '--checkpoint', 'none', '--num-workers', 0]
    for _ in range(2):  # computed, and read again
        ended = run(monkeypatch, capfd, *words, '--num-clips', 1)
        assert '12 of 12 videos' in ended.out, ended.err
        assert len({path for path, _ in rows_of('to_label.csv')}) == 13
    _, (path, _), *_ = rows_of('to_label.csv')
    (folder / 'two.csv').write_text(f'path,label\n{path},a\n\n{path},a\n{path},b\n')
    line = run(monkeypatch, capfd, *words, '--labelled', 'two.csv').error_line()
    assert line == f'two.csv: line 5: {path} has two labels, a and b'


def test_one_clip_of_each_group_is_chosen_from_a_feature_file(folder, monkeypatch, capfd):
    write_features(folder)
    ended = run(monkeypatch, capfd, 'set/train', '--features', 'features.npz', '--count', 2)
    assert ended.code == 0, ended.err
    assert {path.split('/')[0] for path, _ in rows_of('to_label.csv')[1:]} == {'rotation', 'translation'}
    ended = run(monkeypatch, capfd, '--features', 'features.npz', '--count', 2, '--out', 'all.csv', 'set/train/*/*.mp4')
    assert {path.split('/')[-2] for path, _ in rows_of('all.csv')[1:]} == {'rotation', 'translation'}
    assert all(path.startswith('/') for path, _ in rows_of('all.csv')[1:])


def test_a_filled_in_table_is_not_written_over(folder, monkeypatch, capfd):
    write_features(folder)
    words = ['set/train', '--features', 'features.npz', '--count', 2]
    assert run(monkeypatch, capfd, *words).code == 0
    assert run(monkeypatch, capfd, *words).code == 0  # over its own empty one
    table = folder / 'to_label.csv'
    table.write_text(table.read_text().replace(',\r\n', ',walk\r\n'))
    assert 'not as this tool wrote it' in run(monkeypatch, capfd, *words).error_line()


@pytest.mark.parametrize(
    ('words', 'expected'),
    [
        (['--count', 0], '--count 0: expected at least 1'),
        (['--count', 9], 'count=9: expected 1 to 8'),
        (['--strategy', 'uncertain'], "strategy='uncertain': needs a classifier"),
        (['--classifier', 'a.py', 'a.pth'], '--classifier: is for --strategy uncertain, not typical'),
        (['--config', 'other.py'], 'features.npz: holds features of config mine.py, not other.py'),
        (['set/test'], 'features.npz: has no feature of any of the 4 videos'),
        (['--labelled', 'empty.csv'], 'empty.csv: no row has a label'),
        (['--labelled', 'foreign.csv'], 'foreign.csv: none of its 1 labelled videos is among the 8 videos'),
        (['--labelled', 'wrong.csv'], 'wrong.csv: expected the columns path and label'),
        (
            ['--labelled', 'one.csv', '--strategy', 'uncertain'],
            'all labels are walk; label videos of another class first',
        ),
        (['--out', 'table.txt'], 'table.txt: expected a .csv file'),
    ],
)
def test_mistakes(folder, monkeypatch, capfd, words, expected):
    bank = write_features(folder)
    (folder / 'empty.csv').write_text('path,label\na.mp4,\n')
    (folder / 'foreign.csv').write_text('path,label\na.mp4,walk\n')
    (folder / 'wrong.csv').write_text('file,label\na.mp4,walk\n')
    (folder / 'one.csv').write_text(f'path,label\n{bank.names[0]},walk\n')
    defaults = [] if '--count' in words else ['--count', 2]
    source = [] if words == ['set/test'] else ['set/train']
    line = run(monkeypatch, capfd, '--features', 'features.npz', *defaults, *source, *words).error_line()
    assert expected in line
    assert not (folder / 'to_label.csv').exists()
