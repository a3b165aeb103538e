"""Cells named after their inputs: what changes a name, what does not, and what tables share."""

import os

import pytest

from auxskd_mm.recipes.running.sharing import changed_cells, share_cells
from auxskd_mm.recipes.runs import Run, Step


@pytest.fixture
def config(tmp_path):
    path = tmp_path / 'config.py'
    path.write_text('width = 4\n')
    return path


def steps_of(tmp_path, config, root='a', lists='train.txt', **changes):
    """A pretraining and a fine-tuning from it."""

    def step(name, **own):
        common = dict(config=config, seed=0, trains=True, tests=True, run=Run('', 0, None))
        return Step(name, name, tmp_path / root / name, **{**common, **own})

    first = step('pre', options={'source': str(tmp_path / lists)}, init=None, **changes)
    return [first, step('tuned', options={}, init=first.folder)]


def names(steps, tmp_path):
    share_cells(steps, tmp_path / 'cells')
    return [step.folder.name for step in steps]


def test_tables_with_the_same_inputs_share_their_cells(tmp_path, config):
    (tmp_path / 'train.txt').write_text('x 0\n')
    one, other = steps_of(tmp_path, config), steps_of(tmp_path, config, 'b')
    assert names(one, tmp_path) == names(other, tmp_path)
    assert one[1].init == one[0].folder == tmp_path / 'cells' / one[0].folder.name
    assert one[0].folder.name.startswith('config-')
    assert one[0].fingerprint(tmp_path) == one[0].key  # the state of the cell holds it


def test_each_input_changes_the_cell_and_those_that_start_from_it(tmp_path, config):
    (tmp_path / 'train.txt').write_text('x 0\n')
    (tmp_path / 'copy.txt').write_text('x 0\n')
    (tmp_path / 'other.txt').write_text('y 0\n')
    plain = names(steps_of(tmp_path, config), tmp_path)
    assert names(steps_of(tmp_path, config, lists='copy.txt'), tmp_path) == plain  # a moved list
    changes = [dict(lists='other.txt'), dict(seed=1), dict(steps=5), dict(hooks=[dict(type='X')]), dict(trains=False)]
    changed = [names(steps_of(tmp_path, config, **change), tmp_path) for change in changes]
    config.write_text('width = 8\n')
    changed.append(names(steps_of(tmp_path, config), tmp_path))
    for column in zip(plain, *changed):
        assert len(set(column)) == len(column)
    config.write_text('width = 4\n')
    kept = steps_of(tmp_path, config)
    kept[1].keep_checkpoints = False
    assert names(kept, tmp_path) == plain


def test_a_list_that_is_written_anew_is_read_anew(tmp_path, config):
    file = tmp_path / 'train.txt'
    file.write_text('x 0\n')
    plain = names(steps_of(tmp_path, config), tmp_path)
    file.write_text('z 0\n')
    os.utime(file, ns=(1, 1))  # another time, whatever the clock
    assert names(steps_of(tmp_path, config), tmp_path) != plain


@pytest.mark.parametrize('lists', ['lists', 'train.txt', 'store'])
def test_a_list_in_the_current_folder_is_read_like_any_other(tmp_path, config, lists, monkeypatch):
    """``--lists lists``: a name without a slash was a text, and a changed list gave the results of the earlier one."""
    for folder in ('lists', 'store'):
        (tmp_path / folder).mkdir()
    files = (tmp_path / 'lists' / 'train.txt', tmp_path / 'train.txt', tmp_path / 'store' / 'index.npz')
    monkeypatch.chdir(tmp_path)

    def names_now():
        steps = steps_of(tmp_path, config)
        # Texts that are no path stay texts.
        steps[0].options = {'lists': lists, 'long': 'x' * 5000, 'odd': 'a\0b', 'empty': ''}
        return names(steps, tmp_path)

    for file in files:
        file.write_text('x 0\n')
    plain = names_now()
    assert names_now() == plain
    for file in files:
        file.write_text('x 0\ny 1\n')
        os.utime(file, ns=(1, 1))
    assert names_now()[0] != plain[0]


def test_folders_and_stores_count_by_their_content(tmp_path, config):
    for name, text in (('lists', 'x 0\n'), ('same', 'x 0\n'), ('more', 'y 0\n')):
        (tmp_path / name).mkdir()
        (tmp_path / name / 'train.txt').write_text(text)
        (tmp_path / name / 'note.md').write_text(name)  # no list
    for name, index in (('store', b'1'), ('moved', b'1'), ('packed', b'2')):
        (tmp_path / name).mkdir()
        (tmp_path / name / 'index.npz').write_bytes(index)
    found = {
        name: names(steps_of(tmp_path, config, lists=name), tmp_path)
        for name in ('lists', 'same', 'more', 'store', 'moved', 'packed')
    }
    assert found['lists'] == found['same'] != found['more']
    assert found['store'] == found['moved'] != found['packed']


def test_a_checkpoint_from_elsewhere_counts_by_its_content(tmp_path, config):
    made = []
    for content in (b'1', b'1', b'2'):
        file = tmp_path / f'{len(made)}.pth'
        file.write_bytes(content)
        step = steps_of(tmp_path, config)[0]
        step.init = file
        made += names([step], tmp_path)
        assert step.init == file
    assert made[0] == made[1] != made[2]


def test_changed_inputs_are_named_once(tmp_path, config):
    steps = steps_of(tmp_path, config)
    share_cells(steps, tmp_path / 'cells')
    assert changed_cells(tmp_path, steps, remember=True) == []
    config.write_text('width = 8\n')
    changed = steps_of(tmp_path, config)
    share_cells(changed, tmp_path / 'cells')
    assert changed_cells(tmp_path, changed) == ['pre', 'tuned']
    assert changed_cells(tmp_path, changed, remember=True) == ['pre', 'tuned']
    assert changed_cells(tmp_path, changed) == []


def test_cells_in_another_folder_have_the_same_names(tmp_path, config):
    found = []
    for folder in ('cells', 'elsewhere'):
        steps = steps_of(tmp_path, config)
        share_cells(steps, tmp_path / folder)
        found.append([step.folder.name for step in steps])
    assert found[0] == found[1]


def test_a_run_of_some_steps_keeps_what_is_known_of_the_others(tmp_path, config):
    steps = steps_of(tmp_path, config)
    alone = steps_of(tmp_path, config, 'b')[0]
    alone.label = 'unshared'
    share_cells(steps, tmp_path / 'cells')
    changed_cells(tmp_path, [*steps, alone], remember=True)
    changed_cells(tmp_path, steps[:1], remember=True)
    steps[1].folder, alone.folder = tmp_path / 'cells' / 'other', tmp_path / 'c'
    assert changed_cells(tmp_path, [*steps, alone]) == ['tuned']  # a step with a folder of its own has no cell
