"""Metrics from outside the package say what they measure, in a protocol and to a recipe."""

import json
from pathlib import Path

import pytest
from mmaction.evaluation import AccMetric
from mmengine.evaluator import BaseMetric
from mmengine.registry import METRICS as MMENGINE_METRICS

from auxskd_mm.evaluation import KNNMetric, MultiClipAccuracy, ProbeSearchMetric
from auxskd_mm.evaluation.feature_metric import FeatureMetric
from auxskd_mm.recipes import commands
from auxskd_mm.recipes.plan import make_plan
from auxskd_mm.recipes.run_recipe import run_recipe
from auxskd_mm.records.measured import measured_by
from auxskd_mm.records.protocol import protocol_of
from auxskd_mm.registry import METRICS, MODELS, registered


@METRICS.register_module()
class OutsideFeatures(FeatureMetric):
    """Says what it measures."""

    measures = 'ranking'


@METRICS.register_module()
class OutsideNameless(FeatureMetric):
    """Says nothing about itself."""


@METRICS.register_module()
class OutsideNeighbours(KNNMetric):
    """A variant of a metric of the package."""


@METRICS.register_module()
class OutsideClips(MultiClipAccuracy):
    """With another default."""

    averages = 'probabilities'


@MMENGINE_METRICS.register_module()
class OutsideError(BaseMetric):
    """In MMEngine's own registry."""

    measures = 'regression'


@MMENGINE_METRICS.register_module()
class OutsideAccuracy(AccMetric):
    """A variant of MMAction2's."""


@METRICS.register_module()
class OutsideSilent(BaseMetric):
    """No metric of ours, and it says nothing."""


@METRICS.register_module()
class OutsideSearch(ProbeSearchMetric):
    """A variant of the search."""


FROZEN = 'backbone frozen'


@pytest.mark.parametrize(
    ('kind', 'measures', 'trained', 'averaging'),
    [
        ('auxskd_mm.OutsideFeatures', ['ranking'], FROZEN, 'features (vcop pooling)'),
        (OutsideFeatures, ['ranking'], FROZEN, 'features (vcop pooling)'),
        ('auxskd_mm.OutsideNameless', ['frozen features'], FROZEN, 'features (vcop pooling)'),
        ('auxskd_mm.OutsideNeighbours', ['k-NN'], FROZEN, 'features (vcop pooling)'),
        ('auxskd_mm.OutsideClips', ['classification'], 'all layers', 'probabilities'),
        ('OutsideError', ['regression'], None, None),
        ('OutsideAccuracy', ['classification'], 'all layers', 'probabilities'),
        ('mmaction.AccMetric', ['classification'], 'all layers', 'probabilities'),
        ('auxskd_mm.OutsideSilent', None, None, None),
        ('no.such.Metric', None, None, None),
    ],
)
def test_a_protocol_names_what_a_metric_from_outside_measures(kind, measures, trained, averaging):
    head = dict(type='auxskd_mm.ClipFeatureHead', pooling='vcop')
    config = dict(model=dict(backbone=dict(type='X'), cls_head=head), test_evaluator=[dict(type=kind)])
    found = protocol_of(config, None)
    assert (found['evaluation'], found['trained'], found['averaging']) == (measures, trained, averaging)


def test_every_metric_of_the_package_says_what_it_measures():
    for name, kind in METRICS.module_dict.items():
        if kind.__module__.startswith('auxskd_mm.'):
            assert measured_by(dict(type=name))[0].measures or name == 'DumpPredictions', name


def test_a_type_is_looked_up_without_an_import(tmp_path, monkeypatch):
    (tmp_path / 'never_imported.py').write_text('raise SystemExit("imported")\n')
    monkeypatch.syspath_prepend(tmp_path)
    assert registered(METRICS, 'never_imported.Metric') is None
    assert registered(METRICS, 'auxskd_mm::KNNMetric') is registered(METRICS, KNNMetric) is KNNMetric
    assert registered(MODELS, 'mmaction.Recognizer3D').__name__ == 'Recognizer3D'
    assert registered(MODELS, None) is None


def test_a_recipe_keeps_the_predictions_of_a_classifier_from_outside(tmp_path, monkeypatch):
    tested = {}

    def play(label, command, options):
        folder = Path(command[command.index('--work-dir') + 1])
        (folder / '1').mkdir(parents=True)
        (folder / '1' / '1.protocol.json').write_text(json.dumps(dict(result={'x/top1': 0.5}, protocol=dict(seed=1))))
        tested[label.split()[0]] = '--dump' in command
        return 1.0

    monkeypatch.setattr(commands, 'call', play)
    lines = ['inits = [dict(name="random")]', 'evaluations = [']
    for name in ('OutsideClips', 'MultiClipAccuracy', 'OutsideError'):
        scope = '' if name == 'OutsideError' else 'auxskd_mm.'
        (tmp_path / f'{name}.py').write_text(f"test_evaluator = [dict(type='{scope}{name}')]\n")
        lines.append(f'dict(name="{name}", config="{name}.py", columns=dict(top1="x/top1")),')
    (tmp_path / 'recipe.py').write_text('\n'.join([*lines, ']\n']))
    run_recipe(tmp_path / 'recipe.py', tmp_path / 'out')
    assert tested == dict(OutsideClips=True, MultiClipAccuracy=True, OutsideError=False)


def test_a_search_from_outside_gets_the_drawn_lists(tmp_path):
    (tmp_path / 'test.py').write_text("test_evaluator = dict(type='auxskd_mm.OutsideSearch', folds=2)\n")
    (tmp_path / 'train.txt').write_text('a.mp4 0\nb.mp4 0\nc.mp4 1\nd.mp4 1\n')
    content = dict(
        labels=dict(train=str(tmp_path / 'train.txt'), per_class=(1, 'all')),
        inits=[dict(name='random')],
        evaluations=[dict(name='frozen', config='test.py', labels=True)],
    )
    (step,) = make_plan(tmp_path / 'recipe.py', content, tmp_path / 'out').steps
    few, search = step.options['test_evaluator']
    assert (search['type'], search['folds']) == ('auxskd_mm.OutsideSearch', 2)
    assert search['lists'] == few['lists']
    assert set(few['lists']) == {1, 0}
