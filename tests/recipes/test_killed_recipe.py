"""A recipe on tiny clips that is killed in the middle of a training goes on to the numbers of one that was not."""

import json
import multiprocessing
import os
import re
import signal

import pytest
import torch
from mmengine.hooks import Hook
from tool_runs import CONFIGS, tiny_clips

from auxskd_mm.errors import InputError
from auxskd_mm.recipes.run_recipe import run_recipe
from auxskd_mm.registry import HOOKS

RECIPE = """
seeds = [0]
lists = 'LISTS/{{seed}}'
shared_cells, keep_checkpoints = True, False
hooks = [dict(type='auxskd_mm.KilledInAFork')]
labels = dict(train='{{lists}}/train.txt', per_class=('all',), fill=4)
small = {{'model.backbone.base_channels': 2, 'crop': 32}}
few = {{**small, 'model.cls_head.in_channels': 16, 'train_dataloader.batch_size': 4}}
here = {{'{where}.data_root': '', '{where}.ann_file': '{{lists}}/test.txt'}}
phases = [
    dict(
        name='vspp',
        config='CONFIGS/demo/vspp_motion.py',
        options={{
            **few,
            'sample.clip_len': 8,
            'sample.num_segments': 1,
            'train_dataloader.dataset.source': '{{lists}}/pool.txt',
            'default_hooks.checkpoint.interval': 2,
        }},
        steps=6,
    )
]
inits = [dict(name='random'), dict(name='taught', init_from='vspp')]
evaluations = [
    dict(
        name='frozen',
        config='CONFIGS/demo/probe_motion.py',
        options={{
            **small,
            'clip_len': 8,
            'num_clips': 1,
            '{where}.common.data_root': '',
            '{where}.gallery.ann_file': '{{lists}}/train.txt',
            '{where}.query.ann_file': '{{lists}}/test.txt',
        }},
        labels=True,
    ),
    dict(
        name='tuned',
        config='CONFIGS/demo/finetune_motion.py',
        options={{**few, **here, 'clip_len': 8, 'num_clips': 1, 'num_classes': 2, 'train_dataloader.dataset.data_root': ''}},
        labels=True,
        steps=3,
        columns={{'fine-tuned': 'acc/top1'}},
    ),
]
""".format(where='test_dataloader.dataset').replace('CONFIGS', str(CONFIGS))
_killed = False


@HOOKS.register_module()
class KilledInAFork(Hook):
    """Kills the process in the fifth step of a training, if it is a fork of the test."""

    def before_train_iter(self, runner, batch_idx, data_batch=None):
        if _killed and runner.iter == 4:
            os.kill(os.getpid(), signal.SIGKILL)


@pytest.fixture(scope='module')
def recipe(tmp_path_factory):
    root = tmp_path_factory.mktemp('killed')
    clips, lists = tiny_clips(root / 'clips'), root / 'lists' / '0'
    lists.mkdir(parents=True)
    for name in ('train', 'test'):
        lines = [f'{clips}/{line}' for line in (clips / f'{name}.txt').read_text().splitlines()]
        (lists / f'{name}.txt').write_text('\n'.join(lines) + '\n')
        if name == 'train':
            (lists / 'pool.txt').write_text(''.join(f'{line.rsplit(" ", 1)[0]}\n' for line in lines))
    (lists / 'classes.txt').write_text('translation\nrotation\n')
    (root / 'recipe.py').write_text(RECIPE.replace('LISTS', str(root / 'lists')))
    return root / 'recipe.py'


def run(recipe, out, **chosen):
    return run_recipe(recipe, out, jobs=1, **chosen)['phases']


def run_and_be_killed(recipe, out):
    global _killed
    _killed = True
    run(recipe, out, rows=['taught'], evaluations=['tuned'])


def weights_of(state):
    loaded = torch.load(state['checkpoint'], map_location='cpu', weights_only=False)
    return {**loaded['state_dict'], **{f'm{i}': s['exp_avg'] for i, s in loaded['optimizer']['state'].items()}}


def numbers_of(out):
    cells = json.loads((out / 'table.json').read_text())['cells']
    return {(cell['row'], cell['column']): cell['values'] for cell in cells}


def test_a_killed_recipe_goes_on_to_the_same_numbers(recipe, tmp_path, capfd):
    whole, parts = tmp_path / 'whole', tmp_path / 'parts'
    expected = run(recipe, whole, rows=['taught'], evaluations=['tuned'])
    process = multiprocessing.get_context('fork').Process(target=run_and_be_killed, args=(recipe, parts))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    (cell,) = (parts / 'cells').iterdir()
    assert (cell / 'iter_4.pth').is_file()
    assert not json.loads((cell / 'phase.json').read_text())['finished']
    capfd.readouterr()

    found = run(recipe, parts, rows=['taught'], evaluations=['tuned'])
    assert '--resume' in found[0]['command']
    assert all(torch.equal(a, b) for a, b in zip(*(weights_of(states[0]).values() for states in (expected, found))))
    assert found[1]['test'] == expected[1]['test']
    # The screen has a line before the first step, and one per step with its seconds and what is left.
    rows = capfd.readouterr().out.splitlines()
    assert rows[0] == '2 of 2 steps to run, 2 steps of unknown length left'
    accuracy = f'acc/top1 {100 * found[1]["test"]["acc/top1"]:.1f}'
    assert [re.sub(r': \d+ s', ': S', row) for row in rows[1:]] == [
        '[1/2] seed0: vspp: S; 1 step of unknown length left',
        f'[2/2] seed0: tuned@all from taught: S, {accuracy}; nothing left to run',
    ]
    # Of the fine-tunings, whose weights nothing needs, no checkpoint stays.
    kept = sorted(path.name for path in parts.rglob('*.pth'))
    assert kept == ['iter_6.pth']
    assert not list(parts.rglob('finetune*/last_checkpoint'))

    before = numbers_of(parts)
    assert before == numbers_of(whole)
    assert list(before) == [('taught', 'fine-tuned, all')]
    (frozen,) = run(recipe, parts, rows=['random'], evaluations=['frozen'])
    assert frozen['protocol']['chosen']['linear_settings/0'].endswith('chosen among 7')
    after = numbers_of(parts)
    assert after.items() >= before.items()  # the table keeps what was run before
    assert after['random', 'linear probe, all'] == {'seed0': frozen['test']['linear/0']}
    with pytest.raises(InputError, match=r"no row 'thaught'; there are \['random', 'taught'\]"):
        run(recipe, parts, rows=['thaught'])


def test_what_a_kill_left_of_a_finished_cell_is_removed(recipe, tmp_path):
    """The state is written before the checkpoints go; the next start takes the rest."""
    from auxskd_mm.recipes.plan import plan_recipe

    plan = plan_recipe(recipe, tmp_path, {})
    for step in plan.steps:
        step.folder.mkdir(parents=True)
        state = dict(
            name=step.label, fingerprint=step.key, finished=True, seconds=1.0, checkpoint='', init='', train={}
        )
        test = {f'{name}/{n}': 0.5 for name in ('knn', 'linear', 'R@1') for n in (0,)}
        state['test'] = {**test, 'acc/top1': 0.5} if step.tests else {}
        (step.folder / 'phase.json').write_text(json.dumps(state))
        (step.folder / 'iter_2.pth').touch()
        (step.folder / 'adapters.pth').touch()
    run(recipe, tmp_path, rows=['taught'])
    left = {step.kind for step in plan.steps if step.row is None or step.row.name == 'taught'
            if (step.folder / 'iter_2.pth').is_file()}  # fmt: skip
    assert left == {'vspp'}
    assert all((step.folder / 'adapters.pth').is_file() for step in plan.steps)
