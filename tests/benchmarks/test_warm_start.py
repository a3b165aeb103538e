"""The warm-start tables: the page shows the numbers on record, and lists keep groups apart."""

import importlib.util
import json
import sys
from pathlib import Path

import pytest
from conftest import write_video
from mmengine.config import Config

from auxskd_mm.config.load import load_config
from auxskd_mm.datasets.preparation.group_split import Clip, write_lists
from auxskd_mm.errors import InputError
from auxskd_mm.evaluation.linear_probe_metric import read_groups

ROOT = Path(__file__).parents[2]


def loaded(name):
    spec = importlib.util.spec_from_file_location(
        f'warm_start_{name}', ROOT / 'benchmarks' / 'warm_start' / f'{name}.py'
    )
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture(scope='module')
def report():
    with pytest.MonkeyPatch.context() as patch:  # its picture is a module beside it
        patch.syspath_prepend(ROOT / 'benchmarks' / 'warm_start')
        yield from loaded('report')


@pytest.fixture(scope='module')
def run():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT / 'benchmarks' / 'warm_start')
        yield from loaded('run')


@pytest.fixture(scope='module')
def sets():
    yield from loaded('sets')


def test_the_page_shows_the_numbers_on_record(report):
    """Every table of the two pages and of README.md is what docs/warm_start_results.json gives."""
    numbers = json.loads((ROOT / 'docs' / 'warm_start_results.json').read_text(encoding='utf-8'))
    pages = {'docs/warm_start.md': {'all', 'columns'}, 'docs/warm_start_tables.md': {*numbers}, 'README.md': {'sets'}}
    for file, names in pages.items():
        page = (ROOT / file).read_text(encoding='utf-8')
        assert report.fill(page, numbers) == page
        assert {found['name'] for found in report.BLOCK.finditer(page)} == names


def test_a_table_by_hand(report):
    """Two runs, 20 and 22 percent against 10 and 16: mean and interval of each row, and of the paired difference.

    Half an interval is 12.706 (Student's t, one degree of freedom) times the deviation over the square root of 2. That is 6.353
    times the distance of the two values: 6, 2 and 4 points.
    """
    cells = [
        dict(row='base', column='probe, all', values={'seed0': 0.10, 'seed1': 0.16}),
        dict(row='more', column='probe, all', values={'seed0': 0.20, 'seed1': 0.22}),
        dict(row='more', column='probe, 20', values={'seed0': 0.05, 'seed1': 0.05}),
        dict(row='more', column='probe, 5', values={'seed0': 0.04, 'seed1': 0.04}),
        dict(row='base', column='k-NN, all', values={'seed0': 0.5, 'seed1': 0.5}),
    ]
    columns = ['probe, all', 'empty, all', 'probe, 20', 'probe, 5', 'k-NN, all']
    table = dict(rows=dict(base='Base', more='More', none='Never run'), columns=columns, cells=cells)
    table['runs'] = ['seed0', 'seed1']
    tests = [{'pretext/pace_acc': acc, 'pretext/pace_chance': 0.4, 'pretext/pace_ci95': 0.1} for acc in (0.7, 0.72)]
    phases = [dict(phase='vspp', run=f'seed{i}', test=test, minutes=1.0) for i, test in enumerate(tests)]
    phases.append(dict(phases[0], phase='cut off'))
    pairs = [['more', 'base'], ['none', 'base']]
    lines = report.section({**table, 'comparisons': pairs, 'pretext': phases}).splitlines()
    assert [line for line in lines if not line.startswith('|-')] == [
        '| probe: accuracy in percent | 5 | 20 | all |',
        '| Base |  |  | 13.0 ± 38.1 |',
        '| More | 4.0 ± 0.0 | 5.0 ± 0.0 | 21.0 ± 12.7 |',
        '',
        '| probe: points over *Base* | 5 | 20 | all |',
        '| More |  |  | +8.0 ± 25.4 |',
        '',
        '| k-NN: accuracy in percent | all |',
        '| Base | 50.0 ± 0.0 |',
        '',
        '| pretext phase | task | accuracy on held-out clips | best constant answer |',
        '| vspp | pace | 71.0 ± 12.7 | 40.0 ± 0.0 |',
    ]


def test_an_overview_by_hand(report):
    """Gains of 10 and 6 points: 8 points, and 6.353 times the distance of the two values; a set without base is left out."""
    base = dict(row='base', column='probe', values={'seed0': 0.10, 'seed1': 0.16})
    more = dict(row='more', column='probe', values={'seed0': 0.20, 'seed1': 0.22})
    table = dict(rows=dict(base='Base', more='More'), cells=[base, more], comparisons=[['more', 'base']])
    numbers = {'a/features': table, 'a/pixels': table, 'b/features': {**table, 'cells': [more]}}
    page = '<!-- warm start: all: probe over base -->\nold\n<!-- end -->'
    assert report.fill(page, numbers).splitlines()[2:-2] == [
        '| probe, in points | a |',
        '|---|---|',
        '| More | +8.0 ± 25.4 |',
    ]


def test_a_row_on_every_set_by_hand(report):
    """The gain of the overview, beside both accuracies and the probe on the trunk; a set without the row has an empty field."""
    column = 'fine-tuned, all'
    cells = [
        dict(row='base', column=column, values={'seed0': 0.10, 'seed1': 0.16}),
        dict(row='more', column=column, values={'seed0': 0.20, 'seed1': 0.22}),
        dict(row='trunk', column='linear probe, place kept, all', values={'seed0': 0.05, 'seed1': 0.07}),
    ]
    table = dict(rows=dict(base='Base', more='More', trunk='Trunk'), cells=cells)
    numbers = {
        'tennis7/features': table,
        'miracl_words/features': {**table, 'cells': cells[:1]},
        'other/features': table,
    }
    page = '<!-- warm start: sets: more over base -->\nold\n<!-- end -->'
    assert report.fill(page, numbers).splitlines()[2:-2] == [
        '| clips | by chance | frozen public weights, probe | fine-tuned | More, fine-tuned | difference |',
        '|---|---|---|---|---|---|',
        '| 10 spoken words, lips | 10 |  | 13.0 ± 38.1 |  |  |',
        '| 7 tennis strokes | 14 | 6.0 ± 12.7 | 13.0 ± 38.1 | 21.0 ± 12.7 | +8.0 ± 25.4 |',
    ]


def test_two_measures_of_a_row_by_hand(report):
    """Gains of 10 and 6 points of one row over its other measure; a row or a set with one measure alone is left out."""
    cells = [
        dict(row='own', column='probe, all', values={'seed0': 0.10, 'seed1': 0.16}),
        dict(row='own', column='probe, place kept, all', values={'seed0': 0.20, 'seed1': 0.22}),
        dict(row='other', column='probe, all', values={'seed0': 0.05, 'seed1': 0.05}),
    ]
    table = dict(rows=dict(own='Own', other='Other'), cells=cells)
    numbers = {'tennis7/features': table, 'avletters26/features': {**table, 'cells': cells[:1]}}
    page = '<!-- warm start: columns: probe, place kept, all over probe, all -->\nold\n<!-- end -->'
    assert report.fill(page, numbers).splitlines()[2:-2] == [
        '| probe, place kept, all (points over probe, all) | tennis |',
        '|---|---|',
        '| Own | 21.0 ± 12.7 (+8.0 ± 25.4) |',
    ]


def test_the_picture_draws_what_was_measured(report, tmp_path, monkeypatch):
    """A gain of 8 ± 25.4 points by the probe in one panel; nothing for a pair without a base, or a set that was not measured."""
    drawn = []
    errorbar = report.gains.__globals__['plt'].Axes.errorbar

    def watch(axis, x, y, **look):
        drawn.append((axis.get_title() or look['label'], x, y, look['xerr']))
        return errorbar(axis, x, y, **look)

    monkeypatch.setattr(report.gains.__globals__['plt'].Axes, 'errorbar', watch)
    cells = [
        dict(row='base', column='linear probe, all', values={'seed0': 0.10, 'seed1': 0.16}),
        dict(row='more', column='linear probe, all', values={'seed0': 0.20, 'seed1': 0.22}),
        dict(row='more', column='own, all', values={'seed0': 0.3, 'seed1': 0.3}),
    ]
    table = dict(rows=dict(base='Base', more='More'), cells=cells)
    pairs = [report.Pair('none', 'base'), report.Pair('more', 'base', 'own, all')]
    path = report.gains({'a': table}, {'a': 'A', 'b': 'B'}, pairs, tmp_path / 'gains.png')
    assert path.stat().st_size > 1000
    (probe, means, places, halves), tuned = drawn
    assert (probe, places, tuned[1:]) == ('linear probe', [pytest.approx(0.84)], ([], [], []))
    assert means == [pytest.approx(8)]
    assert halves == [pytest.approx(25.412, abs=1e-3)]


def test_a_row_that_is_measured_later_joins_the_others(report, tmp_path):
    """A folder with one new row and one run cut off: the rows on record stay, the half-measured one is left out."""
    known = dict(row='base', column='probe', values={'seed0': 0.1, 'seed1': 0.2})
    old = dict(rows={'base': 'Base'}, cells=[known], comparisons=[['first', 'base']], pretext=[])
    fresh = [
        dict(row='more', column='probe', n=2, values={'seed0': 0.3, 'seed1': 0.4}),
        dict(row='base', column='probe', n=1, values={'seed0': 0.9}),
    ]
    table = dict(recipe='r.py', runs=['seed0', 'seed1'], rows={'base': 'Base', 'more': 'More'}, columns=['probe'])
    comparisons = [dict(row='more', base='base', title='', column='probe')]
    folder = tmp_path / 'a_set' / 'features'
    folder.mkdir(parents=True)
    (folder / 'table.json').write_text(json.dumps({**table, 'cells': fresh, 'comparisons': comparisons, 'phases': []}))
    alike = {**old, 'recipe': 'r.py', 'comparisons': []}
    found = report.collect(tmp_path, {'a_set/features': old, 'b_set/features': old, 'c_set/features': alike})
    assert found['c_set/features']['comparisons'] == [['more', 'base'], ['first', 'base']]  # of the same recipe
    assert found['a_set/features']['cells'] == [known, dict(row='more', column='probe', values=fresh[0]['values'])]
    assert found['a_set/features']['comparisons'] == [['more', 'base'], ['first', 'base']]
    assert found['b_set/features'] == old
    more_runs = {'a_set/features': {**old, 'runs': ['seed0', 'seed1', 'seed2']}}
    assert report.collect(tmp_path, more_runs) == more_runs


def test_a_row_that_was_measured_alone_has_the_comparisons_of_its_recipe(report, tmp_path, monkeypatch):
    """A run of one row has no base to compare it with, so its table names no pair."""
    monkeypatch.setattr(report, 'RECIPES', tmp_path)
    (tmp_path / 'r.py').write_text("comparisons = [dict(row='more', base='base')]")
    table = dict(rows={}, cells=[], comparisons=[['old', 'base']], pretext=[], recipe='r.py')
    found = report.collect(tmp_path, dict(a=table, b={**table, 'recipe': 'gone.py'}))
    assert found['a']['comparisons'] == [['old', 'base'], ['more', 'base']]
    assert found['b']['comparisons'] == [['old', 'base']]


@pytest.mark.parametrize('part', ['', 'features', 'pixels', 'warm_start_pixels'])
def test_a_row_that_was_trained_again_stands_beside_the_first(report, tmp_path, part):
    runs = ['seed0', 'seed1']
    first = [
        dict(row='base', column='own, all', values={'seed0': 0.5, 'seed1': 0.6}),
        dict(row='more', column='own, all', values={'seed0': 0.7, 'seed1': 0.9}),
    ]
    rows = {'base': 'Base', 'more': 'More'}
    known = dict(
        rows=rows,
        columns=['own, all'],
        runs=runs,
        cells=first,
        comparisons=[['more', 'base']],
        pretext=[],
        recipe='r.py',
    )
    second = [
        {**cell, 'n': 2, 'values': dict(zip(runs, values))} for cell, values in zip(first, ([0.55, 0.61], [0, 0]))
    ]
    table = {**known, 'cells': second, 'comparisons': [], 'phases': []}
    folder = tmp_path / 'a_set' / part
    folder.mkdir(parents=True)
    (folder / 'table.json').write_text(json.dumps(table))
    name = f'a_set/{part}'.rstrip('/')
    found = report.collect(tmp_path, {name: known}, ['base'])
    again = found[name]
    assert again['rows'] == {**rows, 'base_again': 'Base, again'}
    assert again['cells'] == [*first, dict(row='base_again', column='own, all', values={'seed0': 0.55, 'seed1': 0.61})]
    assert again['comparisons'] == [['more', 'base'], ['base_again', 'base'], ['more', 'base_again']]
    page = report.overview(found, 'own, all', 'base_again')  # 15 and 29 points; t of one degree of freedom is 12.706
    assert page.splitlines()[2:] == ['| More | +22.0 ± 88.9 |']
    # A later collection of other rows keeps it.
    (folder / 'table.json').write_text(json.dumps({**table, 'cells': [{**second[1], 'row': 'more'}]}))
    later = report.collect(tmp_path, found)[name]
    assert (later['rows'], later['comparisons']) == (again['rows'], again['comparisons'])
    with pytest.raises(InputError, match="--again='none'"):
        report.collect(tmp_path, found, ['none'])


def test_lists_name_the_store_and_keep_groups_apart(sets, tmp_path):
    rows = [(name, f'{name}{i}.mp4', f'g{i // 2}') for name in ('a', 'b') for i in range(8)]
    for name, file, _ in rows:
        (tmp_path / 'videos' / name).mkdir(parents=True, exist_ok=True)
        write_video(tmp_path / 'videos' / name / file, num_frames=4)
    table = tmp_path / 'groups.csv'
    table.write_text('class,file,group\n' + ''.join(f'{",".join(row)}\n' for row in rows))
    pattern = sets.prepare('tennis7', tmp_path / 'out', [0, 1], folder=str(tmp_path / 'videos'), table=str(table))
    groups = {f'{tmp_path}/out/store/{name}/{file}': group for name, file, group in rows}
    for seed in (0, 1):
        lists = Path(pattern.format(seed=seed))
        train, test = ((lists / f'{part}.txt').read_text().splitlines() for part in ('train', 'test'))
        sides = [{groups[line.rsplit(' ', 1)[0]] for line in part} for part in (train, test)]
        assert not sides[0] & sides[1]
        assert len(train) + len(test) == len(rows)
        assert (lists / 'held_out.txt').read_text().splitlines() == [line.rsplit(' ', 1)[0] for line in test]


def test_inner_splits_have_the_training_clips_alone(sets, tmp_path):
    for seed in (0, 1):
        # Groups of clip numbers, the same for both classes; a comma makes the table of groups quote a path.
        clips = [Clip(f'/store/{name},/{name}{i}.mp4', name, str(i)) for name in 'ab' for i in range(8)]
        lists = tmp_path / 'whole' / str(seed)
        write_lists(lists, clips[seed::2], clips[1 - seed :: 2])
        (lists / 'held_out.txt').touch()
    sets.inner_splits(tmp_path / 'whole', tmp_path / 'inner', [0, 1], 0.25)
    for seed in (0, 1):
        whole, lists = (tmp_path / name / str(seed) for name in ('whole', 'inner'))
        assert sorted(p.name for p in lists.iterdir()) == sorted(p.name for p in whole.iterdir())
        read = {p.stem: p.read_text().splitlines() for p in lists.iterdir()}
        assert sorted(read['train'] + read['test']) == sorted((whole / 'train.txt').read_text().splitlines())
        assert len(read['test']) == 2  # a quarter: one group, a clip of each class
        sides = [{line[-7] for line in read[part]} for part in ('train', 'test')]
        assert not sides[0] & sides[1]
        assert read['pool'] == [line.rsplit(' ', 1)[0] for line in read['train']]
        assert read['held_out'] == [line.rsplit(' ', 1)[0] for line in read['test']]
        groups = read_groups(lists / 'groups.csv')
        assert groups == {line.rsplit(' ', 1)[0]: line[-7] for line in read['train'] + read['test']}
        assert read['classes'] == ['a', 'b']


@pytest.mark.parametrize('name', ['warm_start_features.py', 'warm_start_pixels.py'])
def test_short_clips_reach_every_phase(sets, name):
    """Words have from 4 frames on: no pretext clip of any phase, those with adapters among them, may be longer."""
    recipe = ROOT / 'configs' / 'recipes' / name
    options = sets.pretext_options(sets.SETS['miracl_words'], recipe)
    phases = Config.fromfile(recipe).phases
    assert all(options[f'{phase["name"]}.pretext_len'] <= 4 for phase in phases)
    assert sets.pretext_options(sets.SETS['tennis7'], recipe) == {}


@pytest.mark.parametrize(
    ('options', 'folder', 'words'),
    [
        ([], '', dict(size=112)),
        (['--recipe', str(ROOT / 'configs/recipes/warm_start_pixels.py')], 'warm_start_pixels', dict(size=112)),
        (['--features'], 'features', dict(size=64)),
        (['--pixels', '--inner'], 'pixels/inner', dict(size=48)),
    ],
)
def test_each_recipe_has_a_folder_of_its_own_and_the_options_of_the_set(
    run, monkeypatch, tmp_path, options, folder, words
):
    monkeypatch.setattr(run, 'prepare', lambda *args, **given: 'lists/{seed}')
    asked = []
    monkeypatch.setattr(run, 'plan_recipe', lambda *given, **more: asked.extend(given) or pytest.fail('asked'))
    monkeypatch.setattr(sys, 'argv', ['run.py', 'miracl_words', '--out', str(tmp_path), *options])
    with pytest.raises(pytest.fail.Exception):
        run.main()
    recipe, out, given = asked
    assert out == tmp_path / 'miracl_words' / folder
    assert {key: given[f'all.{key}'] for key in words} == words
    phases = {phase['name'] for phase in Config.fromfile(recipe).get('phases', [])}
    assert {f'{name}.pretext_len' for name in phases} <= {*given}  # words have from 4 frames on


@pytest.mark.parametrize('pixels', [False, True])
@pytest.mark.parametrize('name', ['finetune_features.py', 'vspp_features.py'])
def test_the_configs_take_the_options_of_every_set(sets, name, pixels):
    for clips in sets.SETS.values():
        maps = sets.maps_of(clips, pixels)
        config = load_config(str(ROOT / 'configs' / 'warm_start' / name), {**maps, 'num_classes': 2})
        assert (config.trunk.type == 'auxskd_mm.PixelPatches') == pixels
        assert config.data_preprocessor.channels == maps['channels']


@pytest.mark.parametrize('pixels', [False, True])
def test_motion_clips_on_stored_maps(sets, tmp_path, pixels):
    """Both lists name the store of maps, or of patches, and what it holds is what the recipe is told."""
    trunk = ROOT / 'configs' / 'warm_start' / 'trunk_warm_start.py'
    lists = Path(sets.prepare('motion_clips', tmp_path, [0], motion=(1, 1), trunk=trunk, pixels=pixels).format(seed=0))
    maps = sets.maps_of(sets.SETS['motion_clips'], pixels)
    for part in ('train', 'test'):
        rows = (lists / f'{part}.txt').read_text().splitlines()
        assert len(rows) == 10
        path = Path(rows[0].rsplit(' ', 1)[0])
        store = tmp_path / ('patches' if pixels else 'maps') / part
        assert path.is_relative_to(store)
        settings = json.loads((store / 'packing.json').read_text())
        assert (settings['grid'], settings['channels']) == (list(maps['grid']), maps['channels'])
