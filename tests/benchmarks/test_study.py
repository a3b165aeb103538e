"""The study: equal budgets, drawn labels, statistics, and tables that are those of the numbers."""

import importlib
import json
import sys

import pytest
from tool_runs import ROOT

from auxskd_mm.apis import load_config
from auxskd_mm.errors import InputError
from auxskd_mm.recipes.running.budgets import budget_options

FOLDER = ROOT / 'benchmarks' / 'study'
NAMES = [path.stem for path in FOLDER.glob('*.py')]


@pytest.fixture(scope='module')
def study():
    """The study's modules, as they see each other when they are run."""
    sys.path.insert(0, str(FOLDER))
    try:
        yield {name: importlib.import_module(name) for name in NAMES}
    finally:
        sys.path.remove(str(FOLDER))
        for name in NAMES:
            sys.modules.pop(name, None)


@pytest.fixture(scope='module')
def root(tmp_path_factory):
    """A study's folder with lists of clips that do not exist."""
    root = tmp_path_factory.mktemp('study')
    stores = root / 'stores'
    stores.mkdir()
    for part, count in (('train', 30), ('test', 4)):
        lines = [f'{stores}/{part}/class{c}/{i}.mp4 {c}' for c in range(10) for i in range(count)]
        (stores / f'{part}_labels.txt').write_text('\n'.join(lines) + '\n')
    return root


def test_every_pretraining_has_the_same_number_of_steps(study, root):
    cells = study['designs'].motion_table(root, [0, 1])
    by_name = {cell.name: cell for cell in cells}

    def steps(name):
        return by_name[name].steps + (steps(by_name[name].init) if by_name[name].init else 0)

    measured = {cell.init for cell in cells if cell.labels and cell.init}
    assert len(measured) == 2 * 9
    assert {steps(name) for name in measured} == {study['designs'].TOTAL}
    shared = {by_name[name].init for name in measured if '/auxskd_' in name}
    assert shared == {f'motion/aux_first/{seed}/auxskd' for seed in (0, 1)}


def test_every_cell_has_a_config_and_a_name_of_its_own(study, root):
    designs = study['designs']
    cells = [
        *designs.motion_table(root, [0]),
        *designs.ablation_table(root, [0]),
        *designs.schedule_table(root, [0]),
        *designs.backbone_table(root, [0]),
    ]
    assert len({cell.name for cell in cells}) == len(cells)
    for cell in cells:
        step = cell.step(root)
        options = budget_options(step.config, step.options, cell.steps, step.hooks) if cell.steps else step.options
        config = load_config(str(step.config), options)  # refuses options that fit nothing
        assert step.trains == (cell.steps > 0)
        assert not cell.steps or config.train_cfg.max_iters == cell.steps
        assert not cell.steps or config.custom_hooks[-1].type == 'auxskd_mm.FastStepHook'


def test_an_ablation_changes_one_thing(study, root):
    """Against the unchanged chain, the options of a change differ in its own keys alone."""
    designs = study['designs']
    clips = designs.motion(root, 0)
    plain = designs.chain(clips, 'x', 'vspp', 0)
    for row, (_, aux, primary, both) in designs.ABLATIONS.items():
        changed = designs.chain(clips, 'x', 'vspp', 0, aux, primary, both)
        keys = {
            key
            for a, b in zip(plain, changed)
            for key in a.options.keys() | b.options.keys()
            if a.options.get(key, 'absent') != b.options.get(key, 'absent')
        }
        named = {*aux, *primary, *both}
        assert keys == named, row


def test_a_finished_cell_with_other_options_is_refused(study, tmp_path):
    cell = study['cells'].Cell('motion/x/0/vspp', 'demo/vspp_motion.py', {'a': 1}, steps=5)
    assert cell.result(tmp_path) is None
    folder = cell.folder(tmp_path)
    folder.mkdir(parents=True)
    state = dict(fingerprint=cell.step(tmp_path).fingerprint(tmp_path), seconds=1)
    (folder / 'phase.json').write_text(json.dumps(state))
    assert cell.result(tmp_path)['seconds'] == 1
    other = study['cells'].Cell(cell.name, cell.config, {'a': 2}, steps=5)
    with pytest.raises(InputError, match='made with other options'):
        other.result(tmp_path)


def test_a_cell_that_waits_for_another_table_says_which(study, tmp_path):
    cell = study['cells'].Cell('shift/x/0/frozen', 'demo/probe_motion.py', init='motion/vspp/0/vspp')
    with pytest.raises(InputError, match="run the table 'motion' first"):
        study['cells'].steps_of([cell], tmp_path)


def test_tables_by_hand(study):
    cells = {
        f'motion/{row}/{seed}/frozen': {'knn/0': value + seed / 100}
        for row, value in (('vspp', 0.20), ('auxskd_vspp', 0.25))
        for seed in (0, 1)
    }
    results = study['results'].Results(cells, {})
    columns = [('k-NN', 'frozen', 'knn/0')]
    table = study['tables'].means(results, 'motion', study['tables'].rows_of_methods(), columns)
    # Two seeds one point apart: deviation 0.707, t of one degree of freedom 12.706, so 12.706 * 0.707 / sqrt(2).
    assert table.splitlines()[2:] == ['| VSPP | 20.5 ± 6.4 |', '| auxSKD, then VSPP | 25.5 ± 6.4 |']
    rows = [('motion', 'auxskd_vspp', ('motion', 'vspp'), 'before VSPP')]
    assert study['tables'].differences(results, rows, columns).splitlines()[2] == '| before VSPP | **+5.0 ± 0.0** |'


def test_the_page_shows_the_numbers_on_record(study):
    """Every table of docs/study.md is what docs/study_results.json and docs/own_videos_results.json give."""
    docs = ROOT / 'docs'
    results = study['results'].Results.load(docs / 'study_results.json')
    page = (docs / 'study.md').read_text(encoding='utf-8')
    assert study['report'].fill(page, results, study['real_sets'].load(docs)) == page
    shown = study['report'].BLOCK.findall(page)
    assert {name for _, name, _ in shown} == {'sets', *study['tables'].SECTIONS}


def row(choice, test, phase=None, trains=False, still=False, learned=True):
    half = dict(mean=test, half=0.05, count=10)
    return dict(choice=choice, test=test, interval=half, phase=phase, trains=trains, still=still, learned=learned)


def test_a_row_of_each_kind_is_chosen_by_the_clips_to_choose_by(study, tmp_path):
    rows = dict(
        late_frozen=row(0.5, 0.6), early_frozen=row(0.6, 0.4), late_still=row(0.3, 0.3, still=True),
        early_pace=row(0.7, 0.65, phase='pace_early', trains=True, learned=False),
    )  # fmt: skip
    one = dict(
        rows=rows, chosen='early_frozen', constant=0.25, learnable='yes', regret=0.2,
        expected=dict(mean=0.41, half=0.07, count=9), minutes=45.0,
    )  # fmt: skip
    line = study['real_sets'].table(dict(clips=one)).splitlines()[2]
    assert line == (
        '| clips | 45 | 25.0 | 30.0 ± 5.0 | **40.0 ± 5.0** | - | - | 65.0 ± 5.0 (not learned) | do not pretrain | 41.0 ± 7.0 '
        '| 20.0 |'
    )
    assert study['real_sets'].plot(dict(clips=one), tmp_path).stat().st_size > 5000
