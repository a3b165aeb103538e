"""UCF101's lists from annotation files of the official form and size, made up here."""

import pytest

from auxskd_mm.datasets.preparation.ucf101 import prepare_ucf101
from auxskd_mm.errors import InputError

CLASSES = [f'Class{i:03}' for i in range(101)]


def official():
    """Names with the official totals of split 1: groups 1-7 for the test, five or six videos in each group."""
    parts = []
    for groups, total in ((range(8, 26), 9537), (range(1, 8), 3783)):
        pairs = [(name, group) for name in CLASSES for group in groups]
        sixth = total - 5 * len(pairs)
        sizes = [6] * sixth + [5] * (len(pairs) - sixth)
        parts.append(
            [f'{c}/v_{c}_g{g:02}_c{v:02}.avi' for (c, g), size in zip(pairs, sizes) for v in range(1, size + 1)]
        )
    return parts


@pytest.fixture(scope='module')
def source(tmp_path_factory):
    """A folder of all (empty) videos and one of annotations."""
    root = tmp_path_factory.mktemp('ucf101')
    train, test = official()
    for name in CLASSES:
        (root / 'videos' / name).mkdir(parents=True)
    for name in train + test:
        (root / 'videos' / name).touch()
    notes = root / 'notes' / 'ucfTrainTestlist'
    notes.mkdir(parents=True)
    (notes / 'classInd.txt').write_text(''.join(f'{i} {name}\n' for i, name in enumerate(CLASSES, 1)))
    for number in (1, 2, 3):
        rows = [f'{name} {CLASSES.index(name.split("/")[0]) + 1}\n' for name in train]
        (notes / f'trainlist0{number}.txt').write_text(''.join(rows))
        (notes / f'testlist0{number}.txt').write_text(''.join(f'{name}\n' for name in test))
    return root


def test_lists_of_all_splits(source, tmp_path):
    counts = prepare_ucf101(source / 'videos', source / 'notes', tmp_path)
    assert counts == {n: dict(train=9537, test=3783, fit=8737, val=800) for n in (1, 2, 3)}
    lines = (tmp_path / 'train_split3.txt').read_text().splitlines()
    assert len(lines) == 9537
    assert lines[0] == 'Class000/v_Class000_g08_c01.avi 0'
    assert (tmp_path / 'classes.txt').read_text().split() == CLASSES
    test = (tmp_path / 'test_split1.txt').read_text().splitlines()
    assert all(int(line.split()[1]) == CLASSES.index(line.split('/')[0]) for line in test)


def edited(source, tmp_path, file, edit):
    notes = tmp_path / 'notes'
    notes.mkdir()
    for path in (source / 'notes' / 'ucfTrainTestlist').iterdir():
        text = path.read_text()
        (notes / path.name).write_text(edit(text) if path.name == file else text)
    return notes


@pytest.mark.parametrize(
    ('file', 'edit', 'says'),
    [
        ('testlist01.txt', lambda text: text.split('\n', 1)[1], 'split 1: 9537 . 3782 videos, UCF101 has 13320'),
        ('trainlist02.txt', lambda text: text.split('\n', 1)[1], 'split 2: 9536 . 3783 videos'),
        (
            'trainlist02.txt',
            lambda text: text.replace(' 1\n', ' 2\n', 1),
            'another label than classInd.txt, which gives 1',
        ),
        ('trainlist02.txt', lambda text: text.replace('Class000/', 'Class999/', 1), "'Class999/.*' is of no class"),
        ('classInd.txt', lambda text: text.replace('2 Class001', '3 Class001'), 'numbered from 1 without a gap'),
        (
            'testlist03.txt',
            lambda text: text + text[: text.index('\n') + 1],
            'split 3: 1 videos stand twice in the test',
        ),
    ],
)
def test_annotations_that_are_not_the_official_ones(source, tmp_path, file, edit, says):
    with pytest.raises(InputError, match=says):
        prepare_ucf101(source / 'videos', edited(source, tmp_path, file, edit), tmp_path)


def test_a_group_on_both_sides(source, tmp_path):
    # One clip of group 8 goes to the test list for one of group 1: the totals stay, the groups straddle.
    notes = edited(source, tmp_path, '', str)
    train, test = notes / 'trainlist01.txt', notes / 'testlist01.txt'
    one, other = 'Class000/v_Class000_g08_c01.avi', 'Class000/v_Class000_g01_c01.avi'
    train.write_text(train.read_text().replace(one, other))
    test.write_text(test.read_text().replace(other, one))
    with pytest.raises(InputError, match='split 1: 2 groups are on both sides: Class000 g01, Class000 g08'):
        prepare_ucf101(source / 'videos', notes, tmp_path)


def test_missing_files_and_videos(source, tmp_path):
    with pytest.raises(InputError, match=r'no classInd.txt in it'):
        prepare_ucf101(source / 'videos', source, tmp_path)
    notes = edited(source, tmp_path, '', str)
    (notes / 'testlist02.txt').unlink()
    with pytest.raises(InputError, match=r'testlist02.txt: no such file'):
        prepare_ucf101(source / 'videos', notes, tmp_path)
    few = tmp_path / 'few'
    few.mkdir()
    (few / 'v_Class000_g08_c01.mp4').touch()
    with pytest.raises(InputError, match='13319 of 13320 videos are not in'):
        prepare_ucf101(few, source / 'notes', tmp_path / 'out')
    assert len((tmp_path / 'out/missing.txt').read_text().splitlines()) == 13319
