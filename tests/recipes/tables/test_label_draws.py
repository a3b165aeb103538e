"""Few labels per class: drawn by class, repeated to a batch, refused where a class is too small."""

from pathlib import Path

import pytest

from auxskd_mm.errors import InputError
from auxskd_mm.recipes.tables.label_draws import draw_list, draw_lists, read_labels


@pytest.fixture
def train(tmp_path):
    path = tmp_path / 'train.txt'
    path.write_text(''.join(f'/a clip/{c}/{i}.mp4 {c}\n' for c in range(10) for i in range(30)))
    return path


def test_every_class_has_its_number_and_the_list_fills_a_batch(train, tmp_path):
    lines = draw_list(train, tmp_path / 'a.txt', 1, seed=0).read_text().splitlines()
    assert len(lines) == 20
    assert len(set(lines)) == 10
    assert sorted(line.rsplit(' ', 1)[1] for line in set(lines)) == sorted(map(str, range(10)))
    assert set(lines) <= set(train.read_text().splitlines())


def test_a_draw_depends_on_seed_and_number_alone(train, tmp_path):
    labels = read_labels(dict(train='x', per_class=(5, 'all'), draws=2))
    first = draw_lists(labels, train, tmp_path / 'a', seed=0)
    again = draw_lists(labels, train, tmp_path / 'b', seed=0)
    other = draw_lists(labels, train, tmp_path / 'c', seed=1)
    assert first[0] == [str(train)]
    read = [[Path(path).read_text() for path in lists[5]] for lists in (first, again, other)]
    assert read[0] == read[1]
    assert len({*read[0], *read[2]}) == 4


def test_a_class_with_too_few_clips_is_named(train, tmp_path):
    with pytest.raises(InputError, match=r'class 0 has 30 clips, labels.per_class asks for 31'):
        draw_list(train, tmp_path / 'a.txt', 31, seed=0)
    with pytest.raises(InputError, match='no list'):
        draw_lists(read_labels(dict(train='x')), tmp_path / 'none.txt', tmp_path, seed=0)


@pytest.mark.parametrize(
    ('entry', 'says'),
    [
        (dict(per_class=(1,)), 'needs train'),
        (dict(train='x', perclass=(1,)), "unknown: \\['perclass'\\]"),
        (dict(train='x', per_class=(1, 1)), 'expected different whole numbers'),
        (dict(train='x', per_class=(-1,)), 'expected different whole numbers'),
        (dict(train='x', draws=0), 'at least 1'),
        (dict(train='x', draws='2'), r'labels\.draws=.2.: expected a whole number'),
        (dict(train='x', fill=0), r'labels\.fill=0: expected at least 1'),  # the lists were empty
        (dict(train='x', per_class='5'), 'expected different whole numbers'),
    ],
)
def test_bad_entries(entry, says):
    with pytest.raises(InputError, match=says):
        read_labels(entry)


def test_an_empty_list_is_one_line(tmp_path):
    (tmp_path / 'train.txt').write_text('\n')
    with pytest.raises(InputError, match=r"train\.txt: is empty; expected lines 'path label'"):
        draw_list(tmp_path / 'train.txt', tmp_path / 'a.txt', 1, seed=0)
