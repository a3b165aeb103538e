"""The table of docs/multi_node.md, by benchmarks/features.py: a column of it whole, and a row of what is most unlike."""

import importlib
import sys

import pytest
import torch
from tool_runs import ROOT, tiny_clips

# Ranks import it by this name in their own processes.
sys.path.append(str(ROOT / 'benchmarks'))
features = importlib.import_module('features')


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return tiny_clips(tmp_path_factory.mktemp('clips'))


PAIRS = [('auxskd', feature) for feature in features.FEATURES]
PAIRS += [
    ('vspp', 'compile'),
    ('rspnet', 'compile'),
    ('vcop', 'checkpointing'),
    ('pace', 'zero1'),
    ('rspnet', 'amp_bf16'),
]


@pytest.mark.parametrize(('method', 'feature'), PAIRS)
def test_a_feature_works_with_a_method(method, feature, data, tmp_path):
    assert features.outcome(method, feature, data, tmp_path) == 'works'
    content = torch.load(tmp_path / f'{method}_{feature}' / 'epoch_2.pth', weights_only=True)
    assert all(
        key.startswith(('backbone.', 'teacher.', 'queue.', 'neck.', 'predictor.', 'cls_head.', 'head_'))
        for key in content['state_dict']
    )  # compiled networks keep their names
    if feature == 'zero1':  # the states of all parameters, whichever rank holds them
        assert features.outcome(method, 'plain', data, tmp_path) == 'works'
        plain = torch.load(tmp_path / f'{method}_plain' / 'epoch_2.pth', weights_only=True)
        assert set(content['optimizer']['state']) == set(plain['optimizer']['state'])
