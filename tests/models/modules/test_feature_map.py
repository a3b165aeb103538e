"""One tensor out of each form of output; SlowFast against MMAction2's own head."""

import pytest
import torch
from mmaction.registry import MODELS
from small_models import MMACTION

from auxskd_mm.errors import InputError
from auxskd_mm.models.modules import feature_map, pool_features
from auxskd_mm.models.modules.protocol_pooling import pool_for_protocol


def test_slow_and_fast_as_their_own_head_pools_them():
    torch.manual_seed(0)
    config, frames, size = MMACTION['ResNet3dSlowFast']
    backbone = MODELS.build(config)
    backbone.eval()
    with torch.no_grad():
        feats = backbone(torch.rand(2, 3, 2 * frames, size, size))
    slow, fast = feats
    assert slow.shape[2] < fast.shape[2]
    width = slow.shape[1] + fast.shape[1]
    head = MODELS.build(dict(type='SlowFastHead', num_classes=width, in_channels=width, dropout_ratio=0))
    torch.nn.init.zeros_(head.fc_cls.bias)
    torch.nn.init.eye_(head.fc_cls.weight)
    joined = feature_map(feats)
    assert joined.shape == (2, width, *slow.shape[2:])
    assert torch.equal(joined[:, : slow.shape[1]], slow)
    # The head joins fast before slow, or slow before fast, by version: compare as sets of channels.
    ours, theirs = pool_features(feats), head(feats)
    assert torch.allclose(ours.sort(1)[0], theirs.sort(1)[0], atol=1e-6)


def test_the_last_stage_is_taken_where_that_is_asked_for():
    early, late = torch.rand(2, 4, 3, 8, 8), torch.rand(2, 8, 3, 4, 4)
    assert feature_map((early, late), last_stage=True) is late
    assert torch.equal(pool_for_protocol((early, late)), late.mean((2, 3, 4)))
    for wrong in ((late, early), (late, late), (early, late[0])):
        with pytest.raises(InputError, match='yields 2 feature maps'):
            feature_map(wrong, last_stage=True)
    with pytest.raises(InputError, match='yields 2 feature maps'):
        feature_map((early, late))


def test_the_map_or_the_token_of_mvit():
    fmap, token = torch.rand(2, 4, 3, 2, 2), torch.rand(2, 4)
    assert feature_map(([fmap, token],)) is token
    assert feature_map(([fmap, token],), token_pool='patch') is fmap
    assert feature_map(([fmap, None],)) is fmap
