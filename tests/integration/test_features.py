"""The table of docs/multi_node.md, by benchmarks/features.py: a column of it whole, and a row of what is most unlike."""

import functools
import importlib
import sys

import pytest
import torch
from tool_runs import ROOT, tiny_clips

# Ranks import it by this name in their own processes.
sys.path.append(str(ROOT / 'benchmarks'))
features = importlib.import_module('features')


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """Train a method with a feature, once; returns the outcome and the last checkpoint's path."""
    out = tmp_path_factory.mktemp('features')
    data = tiny_clips(out / 'clips')
    for name in features.IMPORTED:
        importlib.import_module(name)

    @functools.cache
    def train(method, feature):
        return features.outcome(method, feature, data, out), out / f'{method}_{feature}' / 'epoch_2.pth'

    return train


PAIRS = [('auxskd', feature) for feature in features.FEATURES]
PAIRS += [
    ('vspp', 'compile'),
    ('rspnet', 'compile'),
    ('vcop', 'checkpointing'),
    ('pace', 'zero1'),
    ('rspnet', 'amp_bf16'),
]


@pytest.mark.parametrize(('method', 'feature'), PAIRS)
def test_a_feature_works_with_a_method(method, feature, trained):
    outcome, checkpoint = trained(method, feature)
    assert outcome == 'works'
    content = torch.load(checkpoint, weights_only=True)
    assert all(
        key.startswith(('backbone.', 'teacher.', 'queue.', 'neck.', 'predictor.', 'cls_head.', 'head_'))
        for key in content['state_dict']
    )  # compiled networks keep their names
    if feature == 'zero1':  # the states of all parameters, whichever rank holds them
        outcome, checkpoint = trained(method, 'plain')
        assert outcome == 'works'
        plain = torch.load(checkpoint, weights_only=True)
        assert set(content['optimizer']['state']) == set(plain['optimizer']['state'])
