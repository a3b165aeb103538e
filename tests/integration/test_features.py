"""The table of docs/multi_node.md, by benchmarks/features.py: a column of it whole, and a row of what is most unlike."""

import importlib.util
import sys

import pytest
import torch
from tool_runs import ROOT, tiny_clips

spec = importlib.util.spec_from_file_location('features', ROOT / 'benchmarks' / 'features.py')
features = importlib.util.module_from_spec(spec)
sys.modules['features'] = features
spec.loader.exec_module(features)


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
