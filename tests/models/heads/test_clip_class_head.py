"""The classification head with the pooling of the probes."""

import pytest
import torch

from auxskd_mm.errors import InputError
from auxskd_mm.models.heads import ClipClassHead, ClipFeatureHead


@pytest.mark.parametrize('pooling', ['average', 'time', 'grid', 'pyramid'])
def test_scores_are_a_linear_layer_on_the_features_of_the_probe(pooling):
    head = ClipClassHead(3, 4, pooling=pooling, dropout_ratio=0.5).eval()
    maps = torch.randn(2, 4, 8, 3, 3)
    features = ClipFeatureHead(pooling=pooling)(maps)
    assert torch.equal(head(maps), features @ head.fc_cls.weight.T + head.fc_cls.bias)


def test_dropout_leaves_features_out_in_training_alone():
    head = ClipClassHead(3, 64, dropout_ratio=0.5)
    torch.nn.init.eye_(head.fc_cls.weight)
    torch.nn.init.zeros_(head.fc_cls.bias)
    maps = torch.ones(200, 64, 2, 1, 1)
    scores = head.train()(maps)
    assert set(scores.unique().tolist()) == {0.0, 2.0}
    assert abs((scores == 0).float().mean().item() - 0.5) < 0.1
    head = ClipClassHead(3, 64, dropout_ratio=0)
    assert torch.equal(head.train()(maps), head.eval()(maps))


def test_only_the_time_head_tells_a_clip_from_its_reverse():
    maps = torch.randn(2, 4, 8, 3, 3)
    average, time = (ClipClassHead(3, 4, pooling=pooling).eval() for pooling in ('average', 'time'))
    torch.nn.init.normal_(time.fc_cls.weight)
    assert torch.allclose(average(maps), average(maps.flip(2)), atol=1e-6)
    assert not torch.allclose(time(maps), time(maps.flip(2)), atol=1e-2)


def test_only_the_grid_head_tells_a_clip_from_its_mirror_image():
    maps = torch.randn(2, 4, 8, 3, 3)
    time, grid = (ClipClassHead(3, 4, pooling=pooling).eval() for pooling in ('time', 'grid'))
    for head in (time, grid):
        torch.nn.init.normal_(head.fc_cls.weight)
    assert torch.allclose(time(maps), time(maps.flip(4)), atol=1e-5)
    assert not torch.allclose(grid(maps), grid(maps.flip(4)), atol=1e-2)


def test_another_pooling_is_refused():
    with pytest.raises(
        InputError, match=r"ClipClassHead.pooling='vcop': expected one of 'average', 'time', 'grid', 'pyramid'"
    ):
        ClipClassHead(3, 4, pooling='vcop')
    with pytest.raises(InputError, match=r'ClipClassHead.num_classes=None: set num_classes .*load_config'):
        ClipClassHead(None, 4)
