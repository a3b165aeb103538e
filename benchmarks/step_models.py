"""The models of step.py: the methods on R(2+1)D as in their configs, and a network with public image weights."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

import torch
from fvcore.nn import FlopCountAnalysis
from torch import Tensor, nn

from auxskd_mm.registry import MODELS

LENGTH = 16  # frames of a clip
_TSM = dict(type='auxskd_mm.TimmBackbone', model='tf_efficientnet_lite0', temporal='shift')
_TSM_WIDTH = 1280


class Subject(NamedTuple):
    """What a method makes of a video in a training step.

    Attributes:
        views: Views of a video.
        frames: Frames of a view.
        passes: Forward passes of one clip that a step comes to. A forward and a backward pass count as three.
        config: Config whose pipeline loads the videos.
    """

    views: int
    frames: int
    passes: int
    config: str


SUBJECTS = {
    'vspp': Subject(1, LENGTH, 3, 'vspp_r21d_k100_improved.py'),
    'auxskd': Subject(2, LENGTH, 4, 'auxskd_r21d_k100_improved.py'),  # and the teacher's pass
    'rspnet': Subject(2, 2 * LENGTH, 5, 'rspnet_r21d_k100.py'),  # and two passes of the teacher
    # EfficientNet-lite0 with shifted channels, fine-tuned: the network of configs/recipes/warm_start_pixels.py.
    'lite0': Subject(1, LENGTH, 3, 'vspp_r21d_k100_improved.py'),
}
TEACHERS = ('auxskd', 'rspnet')


def backbone_of(method: str, channels: int) -> tuple[dict, int]:
    """Config of a method's backbone, and its width."""
    if method == 'lite0':
        return _TSM, _TSM_WIDTH
    return dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=channels), 8 * channels


def build(method: str, channels: int, beside: bool = False) -> nn.Module:
    """A model as in the k100 configs. ``beside`` runs auxSKD's teacher on a stream of its own."""
    backbone, width = backbone_of(method, channels)
    if method not in TEACHERS:
        return nn.ModuleDict(dict(backbone=MODELS.build(backbone), head=nn.Linear(width, 8)))
    if method == 'auxskd':
        config = dict(
            type='auxskd_mm.AuxSKD',
            neck=dict(type='auxskd_mm.MLP', in_channels=width, out_channels=128),
            predictor=dict(type='auxskd_mm.MLP', in_channels=128, hidden_channels=1024, out_channels=128),
            queue_size=15360,
            overlap_teacher=beside,
        )
    else:
        head = dict(type='auxskd_mm.RelativeSpeedHead', in_channels=width, out_channels=128)
        config = dict(type='auxskd_mm.RSPNet', head_a=head, queue_size=16384)
    model = MODELS.build(dict(config, backbone=backbone))
    model.teacher.copy_from(model.student_modules())
    return model


def loss_of(method: str, model: nn.Module, views: Tensor, labels: Tensor) -> Callable[[], Tensor]:
    """The loss of a batch: views (B, V, 3, T, H, W), labels (B,) of the methods that have some."""

    def with_teacher() -> Tensor:
        losses = model.loss(views)
        return sum(value for key, value in losses.items() if key.startswith('loss'))

    def classes() -> Tensor:
        features = model.backbone(views[:, 0]).mean((2, 3, 4))
        return nn.functional.cross_entropy(model.head(features), labels)

    return with_teacher if method in TEACHERS else classes


@lru_cache
def multiplications(method: str, channels: int, size: int) -> int:
    """Multiply-additions of one clip through a method's backbone, by fvcore as in tools/analysis/get_flops.py."""
    backbone = MODELS.build(backbone_of(method, channels)[0]).eval()
    count = FlopCountAnalysis(backbone, torch.rand(1, 3, LENGTH, size, size))
    return int(count.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total())
