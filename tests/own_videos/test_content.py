"""Every row of the recipe hands its config only what the config takes, and trains for steps."""

from made_up_rows import splits_of, videos
from mmengine.config import Config

from auxskd_mm.config.load import load_config
from auxskd_mm.own_videos.content import chosen_content, planned_phases, read_content, rows_of, write_recipe
from auxskd_mm.own_videos.splits import write_lists
from auxskd_mm.recipes.plan import make_plan
from auxskd_mm.recipes.running.budgets import budget_options


def content(tmp_path, **variables):
    return read_content({'stores': str(tmp_path / 'maps'), 'tune_steps': 7, 'pretext_steps': 9, **variables})


def test_every_step_loads_with_its_options(tmp_path):
    found = videos(unlabeled=3)
    write_lists(tmp_path / 'lists' / '0', splits_of(found, 1)[0], found)
    filled = content(tmp_path, fps=25.0)
    entries = chosen_content(filled, list(rows_of(filled)), [0], str(tmp_path / 'lists' / '{seed}'))
    plan = make_plan(write_recipe(tmp_path / 'recipe.py', entries), entries, tmp_path)
    kinds = {}
    for step in plan.steps:
        kind = (step.kind.split('_')[0], step.row and step.row.name.split('_', 1)[1], step.options['grid'] == (12, 12))
        if kinds.setdefault(kind, step) is not step:
            continue  # a family with the same keys
        options = budget_options(step.config, step.options, step.steps) if step.trains else step.options
        config = load_config(str(step.config), options)
        if step.trains:
            assert config.train_cfg.max_iters == (7 if step.row is not None else 9)
            assert config.train_dataloader.dataset.data_prefix.startswith(str(tmp_path / 'maps'))
        if step.row is None:
            assert config.sample.fps == 25
    written = Config.fromfile(str(tmp_path / 'recipe.py'))
    assert [init['name'] for init in written.inits] == [init.name for init in plan.inits]


def test_without_a_rate_frames_are_counted(tmp_path):
    assert not any('sample.fps' in phase['options'] for phase in content(tmp_path).phases)


def test_rows_know_what_they_are(tmp_path):
    rows = rows_of(content(tmp_path))
    kinds = {name: tuple(row.values())[:-1] for name, row in rows.items()}  # family, learner, phase, trains, still
    assert kinds['late_frozen'] == ('late', 'late', None, False, False)
    assert kinds['early_pace'] == ('early', 'early', 'pace_early', True, False)
    assert kinds['late_stage_tuned'] == ('late', 'late_stage', None, True, False)
    assert kinds['early_adapters_tuned'] == ('early', 'early_adapters', None, True, False)
    assert kinds['early_adapters_vspp'] == ('early', 'early_adapters', 'vspp_early_adapters', True, False)
    assert kinds['early_adapters_vspp_frozen'] == ('early', 'early_adapters', 'vspp_early_adapters', False, False)
    assert rows['early_pace_frozen']['trains'] is False
    assert rows['late_still']['still'] is True


def test_without_public_weights_no_row_starts_from_them(tmp_path):
    filled = content(tmp_path, public=False)
    assert set(filled.families) == {'pixels'}
    assert all(name.startswith('pixels') for name in rows_of(filled))


def test_weights_of_a_file_reach_every_trunk(tmp_path):
    filled = content(tmp_path, init_type='Pretrained', init_key='checkpoint', init_value='/w/lite0.pth')
    for name in ('late', 'early'):
        trunk = filled.families[name]['settings']['trunk']
        assert trunk['init_cfg'] == dict(type='Pretrained', checkpoint='/w/lite0.pth')


def test_chosen_rows_bring_only_their_phases(tmp_path):
    entries = chosen_content(content(tmp_path), ['late_frozen', 'early_pace'], [0, 1], 'lists/{seed}')
    assert [phase['name'] for phase in entries['phases']] == ['pace_early']
    assert all(entry['config'].startswith('/') for entry in [*entries['phases'], *entries['evaluations']])


def test_only_phases_that_a_plan_can_take_are_measured(tmp_path):
    names = {phase['name'] for phase in planned_phases(content(tmp_path))}
    assert names == {'pace_early', 'vspp_early_adapters', 'rank_early', 'pace_late', 'pace_pixels', 'vspp_early'}
    assert names < {phase['name'] for phase in content(tmp_path).phases}
    assert {phase['name'] for phase in planned_phases(content(tmp_path, public=False))} == {
        'pace_pixels',
        'rank_pixels',
        'vspp_pixels',
    }


def test_large_sets_keep_fewer_variants(tmp_path):
    filled = content(tmp_path, most_variants=2)
    assert {family['variants'] for family in filled.families.values()} == {2}
    assert content(tmp_path).families['early']['variants'] == 4
