"""What would run: steps by kind, those that are finished, and the time that is left."""

import json

import pytest

from auxskd_mm.errors import InputError
from auxskd_mm.recipes.plan import make_plan
from auxskd_mm.recipes.running.describe import describe_plan

RECIPE = dict(
    seeds=[0, 1],
    labels=dict(train='TRAIN', per_class=(1, 'all')),
    phases=[dict(name='pre', config='train.py', steps=50)],
    inits=[dict(name='random'), dict(name='taught', init_from='pre')],
    evaluations=[
        dict(name='frozen', config='test.py', labels=True),
        dict(name='tuned', config='both.py', labels=True, steps={1: 10, 'all': 30}),
    ],
)


def test_steps_are_counted_by_kind_and_estimated_from_those_alike(tmp_path):
    (tmp_path / 'train.py').write_text('train_cfg = dict()\n')
    (tmp_path / 'test.py').write_text('test_evaluator = []\n')
    (tmp_path / 'both.py').write_text('train_cfg = dict()\ntest_evaluator = []\n')
    train = tmp_path / 'train.txt'
    train.write_text('a.mp4 0\nb.mp4 0\nc.mp4 1\n')
    content = {**RECIPE, 'labels': {**RECIPE['labels'], 'train': str(train)}}
    plan = make_plan(tmp_path / 'recipe.py', content, tmp_path / 'out')
    # Two seeds of: one pretraining, and two rows of one probe and two fine-tunings.
    assert describe_plan(plan).splitlines() == [
        'recipe: 2 runs, 14 steps, 0 finished',
        '  pre: 2, 0 finished, 50 training steps each',
        '  frozen: 4, 0 finished',
        '  tuned@1: 4, 0 finished, 10 training steps each',
        '  tuned@all: 4, 0 finished, 30 training steps each',
        '  14 steps of unknown length left',
    ]
    tuned = next(step for step in plan.steps if step.kind == 'tuned@1' and step.row.name == 'random')
    tuned.folder.mkdir(parents=True)
    (tuned.folder / 'phase.json').write_text(json.dumps(dict(finished=True, seconds=20.0)))
    # Three of 20 s, and four of three times as many steps.
    assert (
        describe_plan(plan, evaluations=['tuned']).splitlines()[-1]
        == '  about 5 min and 2 steps of unknown length left'
    )
    # An override gives the length.
    longer = make_plan(tmp_path / 'recipe.py', content, tmp_path / 'out', {'tuned.steps': 60})
    assert describe_plan(longer).splitlines()[3:5] == [
        '  tuned@1: 4, 1 finished, 60 training steps each',
        '  tuned@all: 4, 0 finished, 60 training steps each',
    ]
    # One row alone: nothing starts from the pretraining. Of tuned@1, one seed is left, of tuned@all, two.
    found = describe_plan(plan, ['random'], ['tuned'], jobs=2).splitlines()
    assert found[0] == 'recipe: 2 runs, 4 steps, 1 finished'
    assert found[-1] == '  about 70 s left'  # (20 + 2 * 60) / 2


def test_an_evaluation_takes_some_of_the_numbers_of_labels(tmp_path):
    (tmp_path / 'both.py').write_text('train_cfg = dict()\ntest_evaluator = []\n')
    train = tmp_path / 'train.txt'
    train.write_text('a.mp4 0\nb.mp4 0\nc.mp4 1\nd.mp4 1\n')
    content = dict(
        labels=dict(train=str(train), per_class=(1, 2, 'all')),
        inits=[dict(name='random')],
        evaluations=[dict(name='tuned', config='both.py', labels=(2, 'all'), steps={2: 10, 'all': 30})],
    )
    plan = make_plan(tmp_path / 'recipe.py', content, tmp_path / 'out')
    assert [step.kind for step in plan.steps] == ['tuned@2', 'tuned@all']
    content['evaluations'][0].update(labels=(3, 'all'))
    with pytest.raises(
        InputError, match=r"evaluation 'tuned': labels=\[3\] are not in labels.per_class=\[1, 2, 'all'\]"
    ):
        make_plan(tmp_path / 'recipe.py', content, tmp_path / 'out')
    content['evaluations'][0].update(labels='all')
    with pytest.raises(InputError, match="evaluation 'tuned': labels='all', expected True or different numbers"):
        make_plan(tmp_path / 'recipe.py', content, tmp_path / 'out')
