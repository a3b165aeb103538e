"""Recipes: hand-over of weights, skipping, resuming and refusing; the phases themselves are played by a stand-in."""

import json
import re
from pathlib import Path

import pytest

from auxskd_mm.errors import InputError
from auxskd_mm.recipes import commands
from auxskd_mm.recipes.plan import plan_recipe
from auxskd_mm.recipes.run_recipe import run_recipe
from auxskd_mm.recipes.running.budgets import budget_options
from auxskd_mm.recipes.step_records import digest


class Trainer:
    """Plays tools/train.py and tools/test.py: keeps the commands and leaves the files that the real ones leave."""

    def __init__(self):
        self.calls = []
        self.fail_at = None

    def __call__(self, label, command, options):
        self.calls.append((label, list(command), dict(options)))
        folder = Path(command[command.index('--work-dir') + 1])
        folder.mkdir(parents=True, exist_ok=True)
        if any(Path(word).name == 'test.py' for word in command):
            (folder / '1').mkdir(exist_ok=True)
            content = dict(result={'vspp/pace_acc': 0.5}, protocol=dict(seed=1))
            (folder / '1' / '1.protocol.json').write_text(json.dumps(content))
            return 1.0
        number = 1 if '--resume' not in command else 2
        (folder / f'epoch_{number}.pth').write_bytes(b'')
        (folder / 'last_checkpoint').write_text(str(folder / f'epoch_{number}.pth'))
        if self.fail_at == label:
            raise InputError(f'phase {label!r} ended with exit code 1')
        scalars = folder / str(number) / 'vis_data'
        scalars.mkdir(parents=True)
        (scalars / 'scalars.json').write_text('{"loss": 2.0, "step": 1}\n{"loss": 1.0, "step": 2}\n')
        return 60.0


@pytest.fixture
def trainer(monkeypatch):
    stand_in = Trainer()
    monkeypatch.setattr(commands, 'call', stand_in)
    return stand_in


@pytest.fixture
def recipe(tmp_path):
    for name in ('aux', 'main'):
        (tmp_path / f'{name}.py').write_text("model = dict(type='X', width=4)\n")
    path = tmp_path / 'recipes' / 'two.py'
    path.parent.mkdir()
    path.write_text(
        "phases = [dict(name='aux', config='../aux.py', options={'model.width': 8}),\n"
        "          dict(name='main', config='../main.py', init_from='aux', test=True)]\n"
    )
    return path


def test_weights_are_handed_over_and_the_summary_says_so(recipe, tmp_path, trainer):
    summary = run_recipe(recipe, tmp_path / 'out', {'all.model.depth': 1, 'main.model.width': 2}, gpus=2, seed=7)
    (aux, _, aux_options), (main, main_command, main_options), (_, test_command, test_options) = trainer.calls
    assert (aux, main) == ('aux', 'main')
    assert aux_options == {'model.width': 8, 'model.depth': 1}
    assert main_options == {'model.depth': 1, 'model.width': 2, 'load_from': str(tmp_path / 'out/aux/epoch_1.pth')}
    assert test_options == {'model.depth': 1, 'model.width': 2}
    assert 'torch.distributed.run' in main_command
    assert '--nproc_per_node=2' in main_command
    assert main_command[main_command.index('--seed') + 1] == '7'
    assert str(tmp_path / 'out/main/epoch_1.pth') in test_command
    rows = json.loads((tmp_path / 'out' / 'summary.json').read_text())['phases']
    assert rows == summary['phases']
    assert [row['train']['loss'] for row in rows] == [1.0, 1.0]
    assert rows[1]['test'] == {'vspp/pace_acc': 0.5}
    assert rows[1]['seconds'] == 61.0
    table = (tmp_path / 'out' / 'summary.md').read_text()
    assert re.search(r'\| main \| `aux/epoch_1.pth` \| 1.0 \| loss 1 \| vspp/pace_acc 0.5 \|', table)


def test_finished_phases_are_skipped_and_a_cut_off_one_resumes(recipe, tmp_path, trainer):
    trainer.fail_at = 'main'
    with pytest.raises(InputError, match="phase 'main' ended with exit code 1"):
        run_recipe(recipe, tmp_path / 'out')
    assert [call[0] for call in trainer.calls] == ['aux', 'main']
    trainer.fail_at, trainer.calls = None, []
    run_recipe(recipe, tmp_path / 'out')
    assert [call[0] for call in trainer.calls] == ['main', 'main']  # training resumed, then the test
    assert '--resume' in trainer.calls[0][1]
    assert 'load_from' not in trainer.calls[0][2]
    assert '--resume' not in trainer.calls[1][1]
    trainer.calls = []
    run_recipe(recipe, tmp_path / 'out')
    assert trainer.calls == []


def test_a_moved_work_dir_goes_on(recipe, tmp_path, trainer):
    run_recipe(recipe, tmp_path / 'out')
    (tmp_path / 'out').rename(tmp_path / 'moved')
    trainer.calls = []
    run_recipe(recipe, tmp_path / 'moved')
    assert trainer.calls == []


def test_another_seed_is_another_run(recipe, tmp_path, trainer):
    run_recipe(recipe, tmp_path / 'out', seed=1)
    with pytest.raises(InputError, match="phase 'aux': its config or options changed"):
        run_recipe(recipe, tmp_path / 'out', seed=2)
    run_recipe(recipe, tmp_path / 'both', seeds=[1, 2])
    folders = sorted(
        path.parent.relative_to(tmp_path / 'both').as_posix() for path in (tmp_path / 'both').rglob('phase.json')
    )
    assert folders == ['seed1/aux', 'seed1/main', 'seed2/aux', 'seed2/main']
    (handed,) = {call[2]['load_from'] for call in trainer.calls if call[0] == 'seed2: main' and 'load_from' in call[2]}
    assert handed == str(tmp_path / 'both/seed2/aux/epoch_1.pth')


def test_a_changed_phase_is_refused(recipe, tmp_path, trainer):
    run_recipe(recipe, tmp_path / 'out')
    with pytest.raises(InputError, match="phase 'main': its config or options changed"):
        run_recipe(recipe, tmp_path / 'out', {'main.lr': 0.1})
    (tmp_path / 'aux.py').write_text("model = dict(type='X', width=5)\n")
    with pytest.raises(InputError, match="phase 'aux': its config or options changed"):
        run_recipe(recipe, tmp_path / 'out')


@pytest.mark.parametrize(
    ('phases', 'says'),
    [
        ('[]', 'has no phases'),
        ("[dict(name='a')]", 'needs name and config'),
        ("[dict(name='a', config='../aux.py', optoins={})]", "unknown: ['optoins']"),
        ("[dict(name='a', config='../none.py')]", 'no config'),
        ("[dict(name='a', config='../aux.py', init_from='b')]", "init_from='b' is not an earlier phase"),
        ("[dict(name='a', config='../aux.py')] * 2", 'two phases have the same name'),
        ("[dict(name='../a', config='../aux.py')]", 'expected a name of letters'),
    ],
)
def test_bad_recipes_are_one_line(recipe, phases, says):
    recipe.write_text(f'phases = {phases}\n')
    with pytest.raises(InputError, match=re.escape(says)) as error:
        run_recipe(recipe)
    assert '\n' not in str(error.value)


@pytest.mark.parametrize(
    ('content', 'says'),
    [
        ('seeds = 3', "seeds='3': expected a list of whole numbers"),
        ("seeds = '01'", "seeds='01': expected a list of whole numbers"),
        ('seeds = [0.5]', 'expected a list of whole numbers'),
        ('lists = 5', "lists='5': expected a folder, or a list of folders"),
        ("lists = ['a', 'a/']", 'expected different ones'),
        ("hooks = dict(type='x')", 'hooks='),
        ("report = 'x'", "report='x': expected a dict(...)"),
        ("labels = 'x'", "labels='x': expected a dict(...)"),
        ('shared_cells = 3', 'expected True, or a folder'),
        ("phases = dict(name='a', config='../aux.py')", 'expected a list of dict(...)'),
        ("phases = ['a']", 'expected a list of dict(...)'),
        ("phases = [dict(name='a', config=3)]", "phases, 'a': config='3': expected a file"),
        (
            "phases = [dict(name='a', config='../aux.py', options=['x'])]",
            "phases, 'a': options=\"['x']\": expected a dict",
        ),
        ("inits = [dict(name='i', evaluations='e')]", "inits, 'i': evaluations='e': expected a list of names"),
        ("inits = [dict(name='i', evaluation_options=dict(e=1))]", "evaluation_options.e='1': expected a dict"),
        ("evaluations = [dict(name='e', config='../aux.py', columns=['x'])]", 'columns='),
    ],
)
def test_entries_of_another_kind_are_one_line(recipe, content, says):
    recipe.write_text(f"phases = [dict(name='aux', config='../aux.py')]\n{content}\n")
    with pytest.raises(InputError, match=re.escape(says)) as error:
        plan_recipe(recipe, None, {})
    assert '\n' not in str(error.value)


def test_bad_overrides_are_named(recipe, tmp_path, trainer):
    with pytest.raises(InputError, match=r"expected '<phase>\.<key>'"):
        run_recipe(recipe, tmp_path / 'out', {'vspp.lr': 1})
    with pytest.raises(InputError, match='no such recipe'):
        run_recipe(tmp_path / 'none.py')


def test_folders_of_recipes_without_the_newer_keys_go_on(recipe, tmp_path):
    """The digest of a step without them is what it was before there were steps, labels and shared cells."""
    aux, main = plan_recipe(recipe, tmp_path / 'out', {'main.lr': 0.1}, seed=3).steps
    config = dict(model=dict(type='X', width=4))
    assert aux.fingerprint(tmp_path / 'out') == digest([config, {'model.width': 8}, '', 3, True, False])
    assert main.fingerprint(tmp_path / 'out') == digest([config, {'lr': 0.1}, 'aux', 3, True, True])


def test_an_override_that_fits_no_config_is_refused_before_the_first_step(recipe, tmp_path, trainer):
    """One of the last phase must not end a recipe whose first phase has run for hours."""
    with pytest.raises(InputError, match=r"^main: --cfg-options: unknown config key 'learning_rate'"):
        run_recipe(recipe, tmp_path / 'out', {'main.learning_rate': 0.1})
    assert trainer.calls == []


def test_epochs_of_a_training_whose_steps_the_recipe_gives_are_refused(recipe, tmp_path, trainer):
    """They changed nothing, without a word. A config with its own `steps` may use both."""
    (tmp_path / 'aux.py').write_text(
        "epochs = 3\nmodel = dict(type='X', width=4)\ntrain_cfg = dict(max_epochs=epochs)\n"
    )
    (tmp_path / 'own.py').write_text(
        "epochs, steps = 3, 5\nmodel = dict(type='X')\ntrain_cfg = dict(a=epochs, b=steps)\n"
    )
    recipe.write_text(
        "phases = [dict(name='own', config='../own.py', steps=4), dict(name='aux', config='../aux.py', steps=9)]\n"
    )
    with pytest.raises(InputError, match=r'aux\.epochs=7: would change nothing, .* steps=9; set aux.steps'):
        run_recipe(recipe, tmp_path / 'out', {'own.epochs': 2, 'aux.epochs': 7})
    assert trainer.calls == []
    run_recipe(recipe, tmp_path / 'out', {'own.epochs': 2})
    assert [label for label, _, _ in trainer.calls] == ['own', 'aux']
    recipe.write_text("phases = [dict(name='aux', config='../aux.py')]\n")
    run_recipe(recipe, tmp_path / 'further', {'aux.epochs': 7})


def test_the_command_line_gives_any_training_its_steps(recipe, tmp_path):
    """A config that counts epochs is trained for them, too; one with a variable `steps` takes them itself."""
    (tmp_path / 'own.py').write_text("steps = 5\nmodel = dict(type='X')\ntrain_cfg = dict(b=steps)\n")
    recipe.write_text(
        "phases = [dict(name='aux', config='../aux.py', steps=9), dict(name='own', config='../own.py', steps=4)]\n"
    )
    aux, own = plan_recipe(recipe, tmp_path / 'out', {'aux.steps': 7, 'own.steps': 3}).steps
    assert (aux.steps, aux.options) == (7, {})
    assert budget_options(aux.config, aux.options, aux.steps)['train_cfg']['max_iters'] == 7
    assert budget_options(own.config, own.options, own.steps)['steps'] == 3
    with pytest.raises(InputError, match=r"--cfg-options aux\.steps: steps='many', expected a whole number"):
        plan_recipe(recipe, tmp_path / 'out', {'aux.steps': 'many'})
    assert plan_recipe(recipe, tmp_path / 'out', {'aux.steps': None}).steps[0].steps is None  # the epochs of the config


def test_an_override_comes_before_what_a_row_sets_and_equal_titles_are_told_apart(tmp_path):
    (tmp_path / 'a.py').write_text(
        "model = dict(type='X')\nlr = 1.0\ntrain_cfg = dict(by_epoch=True)\ntest_evaluator = dict(type='AccMetric')\n"
    )
    path = tmp_path / 'r.py'
    path.write_text(
        "inits = [dict(name='one', title='T', options=dict(lr=0.5)), dict(name='two', title='T'), dict(name='three')]\n"
        "evaluations = [dict(name='e', config='a.py', options=dict(lr=0.7)), dict(name='f', config='a.py')]\n"
    )
    plan = plan_recipe(path, tmp_path / 'out', {'e.lr': 0.1})
    assert [step.options for step in plan.steps] == [{'lr': 0.1}] * 3 + [{'lr': 0.5}, {}, {}]
    assert [step.options['lr'] for step in plan_recipe(path, tmp_path / 'out', {'all.lr': 0.2}).steps] == [0.2] * 6
    assert [init.title for init in plan.inits] == ['T (one)', 'T (two)', 'three']
