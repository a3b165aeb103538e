"""HMDB51's lists from annotation files of the official form and size, made up here."""

import pytest

from auxskd_mm.datasets.preparation.hmdb51 import prepare_hmdb51
from auxskd_mm.errors import InputError

CLASSES = [f'class_{i:02}' for i in range(51)]


@pytest.fixture(scope='module')
def source(tmp_path_factory):
    root = tmp_path_factory.mktemp('hmdb51')
    (root / 'notes').mkdir()
    for name in CLASSES:
        (root / 'videos' / name).mkdir(parents=True)
        videos = [f'{name}_#{i}_u_cm.avi' for i in range(102)]
        for video in videos:
            (root / 'videos' / name / video).touch()
        for number in (1, 2, 3):
            # 70 for training, 30 for the test and 2 for neither, other ones in each split.
            ids = [1] * 70 + [2] * 30 + [0] * 2
            rows = [f'{video} {ids[(i + 10 * number) % 102]} \n' for i, video in enumerate(videos)]
            (root / 'notes' / f'{name}_test_split{number}.txt').write_text(''.join(rows))
    return root


def test_lists_of_all_splits(source, tmp_path):
    counts = prepare_hmdb51(source / 'videos', source / 'notes', tmp_path)
    assert counts == {n: dict(train=3570, test=1530, fit=3170, val=400) for n in (1, 2, 3)}
    lines = (tmp_path / 'train_split1.txt').read_text().splitlines()
    assert lines[0] == 'class_00/class_00_#0_u_cm.avi 0'  # (0 + 10) % 102 is below 70
    assert lines[70].endswith(' 1')
    assert (tmp_path / 'test_split1.txt').read_text() != (tmp_path / 'test_split2.txt').read_text()
    assert (tmp_path / 'classes.txt').read_text().split() == CLASSES


@pytest.mark.parametrize(
    ('edit', 'says'),
    [
        (lambda text: text.replace(' 1 ', ' 2 ', 1), 'split 2: class class_07 has 69 train and 31 test videos'),
        (lambda text: text.replace(' 1 ', ' 3 ', 1), "expected 'video.avi id' with an id of 0, 1 or 2"),
        (lambda text: '', 'split 2: 1 classes have no train video: class_07'),
        (None, 'split 2: 50 classes, HMDB51 has 51'),
    ],
)
def test_annotations_that_are_not_the_official_ones(source, tmp_path, edit, says):
    notes = tmp_path / 'notes'
    notes.mkdir()
    for path in (source / 'notes').iterdir():
        changed = path.name == 'class_07_test_split2.txt'
        if not (changed and edit is None):
            (notes / path.name).write_text(edit(path.read_text()) if changed else path.read_text())
    with pytest.raises(InputError, match=says):
        prepare_hmdb51(source / 'videos', notes, tmp_path)


def test_missing(source, tmp_path):
    with pytest.raises(InputError, match=r'no <class>_test_split1.txt in it'):
        prepare_hmdb51(source / 'videos', source, tmp_path)
    (tmp_path / 'videos').mkdir()
    (tmp_path / 'videos' / 'x.avi').touch()
    with pytest.raises(InputError, match=r'5100 of 5100 videos are not in .*; it holds 1 others, e.g. x.avi'):
        prepare_hmdb51(tmp_path / 'videos', source / 'notes', tmp_path)
