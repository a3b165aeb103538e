"""A second teacher for auxSKD: a public network with fixed weights, or features that were computed before."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from mmengine.model import BaseModule
from torch import Tensor, nn

from ...errors import InputError, check_choice, check_least, check_weights, examples
from ...registry import MODELS, type_name
from ..heads.labels import require_field
from ..losses.similarity_distillation_loss import SimilarityDiagnostics
from ..modules.feature_queue import FeatureQueue
from ..modules.frozen_network import FrozenNetwork
from ..modules.pooling import pool_features

SPACES = ('teacher', 'own')


@MODELS.register_module()
class FrozenTeacher(BaseModule):
    """Similarities to anchors as a frozen public network sees them.

    The teacher's feature k of the second view comes from one of three sources:

    - ``backbone``: a network.
    - ``feature_key``: a field of the data samples.
    - Neither of them: the second view itself, if the data are feature maps of a store.

    Student and teacher may have different widths::

        space='teacher'   q = projector(student's feature) has the teacher's width D_t;
                          both are compared with the teacher's anchors (K, D_t)        SEED
        space='own'       k is compared with the teacher's anchors (K, D_t), q with the
                          student's own anchors (K, D_s) of the same clips             CompRess

    ``'teacher'`` is the default. Its anchors never change their meaning, because the teacher is fixed. The student's
    own anchors are outdated by the steps since they entered the queue.

    Args:
        backbone: Config of the network. Its ``init_cfg`` or ``pretrained`` brings the weights. See
            :class:`FrozenNetwork`.
        weight: Weight of this loss, 0 or more.
        projector: Config of the student's projector for this teacher. None builds ``MLP(C, D_t, 2 C)`` for the space
            'teacher', and compares the student's feature itself for 'own'.
        space: 'teacher' or 'own', see above.
        loss: Config of the loss. None builds :class:`SimilarityDistillationLoss`.
        out_channels: Width D_t of the teacher's features, if the backbone has no such attribute.
        feature_key: Field of the data samples with the teacher's feature of the second view: float (D_t,), or (n, D_t)
            for n frames, which are averaged. The pipeline writes it with ``PackActionInputs(algorithm_keys=...)``.
        mean: Mean of each channel that the network was trained with, in the unit of the decoded frames (0 to 255). The
            student's normalisation is undone first. None gives the network what the student gets.
        std: Standard deviation of each channel, together with ``mean``.
        to_rgb: Whether the network needs the channels of the decoded frames reversed, as ``to_rgb`` of a data
            preprocessor. It has an effect together with ``mean``.
        frames: Number of frames, evenly spread over the clip, that the network gets. None gives it all frames.
        size: Height and width to which the clips are resized for the network. None keeps them.

    Raises:
        InputError: If settings contradict each other, or a width is unknown or does not fit.

    Source: space 'teacher': Fang et al., "SEED: Self-supervised Distillation for Visual Representation", ICLR 2021.
    Space 'own': Koohpayegani, Tejankar, Pirsiavash, "CompRess: Self-Supervised Learning by Compressing
    Representations", NeurIPS 2020. The temperatures are auxSKD's, and an own key is not among the anchors, as in auxSKD.
    """

    scale: Tensor
    shift: Tensor
    queue: FeatureQueue

    def __init__(
        self,
        backbone: dict[str, Any] | None = None,
        weight: float = 1.0,
        projector: dict[str, Any] | None = None,
        space: str = 'teacher',
        loss: dict[str, Any] | None = None,
        out_channels: int | None = None,
        feature_key: str | None = None,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        to_rgb: bool = False,
        size: int | None = None,
        frames: int | None = None,
    ) -> None:
        super().__init__()
        check_choice('model.teacher.space', space, SPACES)
        check_weights('model.teacher', weight=weight)
        if backbone is not None and feature_key is not None:
            raise InputError('model.teacher: give backbone or feature_key, not both')
        if (mean is None) != (std is None) or (mean is not None and backbone is None):
            raise InputError('model.teacher: mean, std and backbone belong together; give all three or no mean and std')
        if mean is not None and std is not None and len(mean) != len(std):
            raise InputError(f'model.teacher: mean has {len(mean)} numbers and std {len(std)}; give one per channel')
        for key, values in (('mean', mean), ('std', std)):
            if values is not None and not all(isinstance(value, (int, float)) for value in values):
                raise InputError(
                    f'model.teacher.{key}={values!r}: expected a number for each channel, e.g. [127.0] * 3'
                )
        if std is not None and not all(value > 0 for value in std):
            raise InputError(f'model.teacher.std={list(std)}: expected numbers above 0')
        check_least('model.teacher', size=size, frames=frames)
        for key, value in (('size', size), ('frames', frames)):
            if value is not None and backbone is None:
                raise InputError(f'model.teacher.{key}={value}: is about the clips of a backbone; leave it out')
        self.network = None if backbone is None else FrozenNetwork(backbone)
        self.out_channels = _width_of(self.network, out_channels)
        self.weight, self.space, self.feature_key = weight, space, feature_key
        self.size, self.frames = size, frames
        self.mean, self.std, self.to_rgb = mean, std, to_rgb
        self._projector = projector
        self._full = False
        self.similarity_loss = MODELS.build(loss or dict(type='auxskd_mm.SimilarityDistillationLoss'))

    def attach(self, width: int | None, queue_size: int, queue_init: str, data_preprocessor: nn.Module) -> None:
        """Build what depends on the student: projector, queues and the conversion of its clips.

        Args:
            width: Width C of the student's pooled feature, or None if its backbone does not say it.
            queue_size: Number of anchors K.
            queue_init: See :class:`FeatureQueue`.
            data_preprocessor: The student's, with its mean, std and ``to_rgb``.

        Raises:
            InputError: If the projector is missing and cannot be made, or its widths do not fit student and teacher.
        """
        config = self._projector
        if config is None and width is None:
            raise InputError(
                "model.teacher.projector is None, but the student's backbone does not say its width; set projector="
                "dict(type='auxskd_mm.MLP', in_channels=..., hidden_channels=..., out_channels=...)"
            )
        if config is None and self.space == 'teacher':
            assert width is not None
            config = dict(type='auxskd_mm.MLP', in_channels=width, hidden_channels=2 * width)
            config['out_channels'] = self.out_channels
        self.projector = nn.Identity() if config is None else MODELS.build(config)
        into = getattr(self.projector, 'in_channels', width)
        if width is not None and into != width:
            raise InputError(
                f'model.teacher.projector.in_channels={into}: the backbone yields {width}; set it to {width}'
            )
        mine = getattr(self.projector, 'out_channels', width)
        if mine is None or (self.space == 'teacher' and mine != self.out_channels):
            raise InputError(
                f'model.teacher.projector.out_channels={mine}: the teacher yields {self.out_channels} channels; set it to '
                f"{self.out_channels}, or space='own'"
            )
        self.queue = FeatureQueue(queue_size, self.out_channels, queue_init)
        if self.space == 'own':
            self.student_queue = FeatureQueue(queue_size, mine, queue_init)
        self._set_convention(data_preprocessor)

    def _set_convention(self, processor: Any) -> None:
        """Keep the affine map from the student's input to the teacher's: one multiplication and one addition."""
        self.flip = self.mean is not None and bool(getattr(processor, 'to_rgb', False)) != self.to_rgb
        scale, shift = torch.ones(1), torch.zeros(1)
        if self.mean is not None and self.std is not None:
            mean, std = torch.tensor(self.mean, dtype=torch.float32), torch.tensor(self.std, dtype=torch.float32)
            before, spread = torch.zeros(1), torch.ones(1)
            if getattr(processor, '_enable_normalize', False):
                before, spread = processor.mean.detach().flatten(), processor.std.detach().flatten()
            if len({1, len(mean), len(before)}) > 2:
                raise InputError(
                    f"model.teacher.mean has {len(mean)} numbers, and the student's data_preprocessor {len(before)}; give one "
                    'per channel'
                )
            if self.flip:
                before, spread = before.flip(0), spread.flip(0)
            scale, shift = spread / std, (before - mean) / std
        for name, value in (('scale', scale), ('shift', shift)):
            self.register_buffer(name, value.view(-1, 1, 1, 1), persistent=False)

    def own_input(self, clips: Tensor) -> Tensor:
        """The student's clips (B, C, T, H, W) in the frames, normalisation, channel order and size of the teacher."""
        if self.frames is not None and self.frames < clips.shape[2]:
            # The middles of equal parts, as TSN samples in a test.
            middles = (torch.arange(self.frames, device=clips.device) + 0.5) * clips.shape[2] / self.frames
            clips = clips.index_select(2, middles.long())
        if self.flip:
            clips = clips.flip(1)
        if self.mean is not None:
            clips = clips * self.scale + self.shift
        if self.size is not None and clips.shape[-2:] != (self.size, self.size):
            clips = F.interpolate(clips, (clips.shape[2], self.size, self.size), mode='trilinear', align_corners=False)
        return clips

    @torch.no_grad()
    def keys(self, view: Tensor, data_samples: Sequence[Any] | None = None, initialise: bool = True) -> Tensor:
        """The teacher's features (B, D_t) of the second view, without gradient.

        Args:
            view: (B, C, T, H, W), as the student gets it.
            data_samples: B samples, which are needed with ``feature_key``.
            initialise: Load the network's weights if that has not happened yet. Shapes alone do not need them.

        Raises:
            InputError: If a sample lacks its feature, or the width differs from ``out_channels``.
        """
        if self.feature_key is not None:
            features = _packed(data_samples, self.feature_key, self.out_channels).to(view.device)  # (B, D)
        elif self.network is None:
            features = pool_features(view)  # (B, C, T, h, w) -> (B, C)
        else:
            clips = self.own_input(view)
            features = self.network(clips) if initialise else self.network.features(clips)  # (B, D)
        if features.shape[1] != self.out_channels:
            raise InputError(
                f'model.teacher.out_channels={self.out_channels}, but the features have {features.shape[1]} channels'
            )
        return features

    def loss(
        self, pooled: Tensor, keys: Tensor, with_diagnostics: bool = True
    ) -> Tensor | tuple[Tensor, SimilarityDiagnostics]:
        """The loss of a batch, without the weight, from the student's pooled features (B, C) and from :meth:`keys`
        (B, D_t). Afterwards the keys enter the queue.

        The result is a scalar, and with diagnostics the pair (loss, diagnostics).
        """
        query = self.projector(pooled)  # (B, D_t) or (B, D_s)
        options: dict[str, Any] = {}
        anchors = self.queue.features  # (K, D_t)
        if self.space == 'own':
            # Rows that hold no real keys yet are unrelated in the two spaces. The first batch has only itself.
            filled = self._filled()
            anchors = anchors[:filled] if filled else F.normalize(keys.float(), dim=1)
            mine = self.student_queue.features[:filled] if filled else F.normalize(query.detach().float(), dim=1)
            options = dict(student_anchors=mine)
        result = self.similarity_loss(query, keys, anchors, with_diagnostics=with_diagnostics, **options)
        self.queue.enqueue_directions(keys)
        if self.space == 'own':
            self.student_queue.enqueue_directions(query)
        return result

    def _filled(self) -> int:
        """Rows with real keys. A full queue is asked no more, because reading a number waits for the device."""
        if not self._full:
            filled = int(self.queue.filled)
            self._full = filled == self.queue.size
            return filled
        return self.queue.size

    def describe(self) -> str:
        """One line for ``tools/analysis/check_config.py``."""
        source = (
            self.network.extra_repr()
            if self.network is not None
            else f"the samples' '{self.feature_key}'"
            if self.feature_key
            else 'the feature maps of the second view'
        )
        how = 'the student is projected to this width' if self.space == 'teacher' else 'each side has its own anchors'
        anchors = f'{self.queue.size} anchors of {self.out_channels} numbers'
        return f'frozen teacher: {source}; {anchors}, {how}; loss weight {self.weight:g}'


def build_frozen_teacher(config: dict[str, Any]) -> FrozenTeacher:
    """Build a :class:`FrozenTeacher` from its config, with or without ``type``, or from the config of a backbone.

    Raises:
        InputError: If it is no config. See also :class:`FrozenTeacher`.
    """
    if not isinstance(config, Mapping):
        raise InputError(
            f"model.teacher={config!r}: expected the config of a network, e.g. dict(type='auxskd_mm.TimmBackbone', model=...)"
        )
    settings = dict(config)
    if type_name(settings.get('type', 'FrozenTeacher')) != 'FrozenTeacher':
        settings = dict(backbone=settings)
    settings.pop('type', None)
    return FrozenTeacher(**settings)


def _width_of(network: FrozenNetwork | None, given: int | None) -> int:
    known = None if network is None else getattr(network.network, 'out_channels', None)
    if isinstance(known, int):
        if given not in (None, known):
            raise InputError(
                f'model.teacher.out_channels={given}: the backbone yields {known} channels; set it to {known}'
            )
        return known
    if isinstance(known, Sequence):
        raise InputError(
            f'model.teacher.backbone.out_indices: the backbone yields {len(known)} maps ({examples(map(str, known))} channels); '
            'name one'
        )
    if given is None:
        who = 'the features' if network is None else type(network.network).__name__
        raise InputError(f'model.teacher.out_channels: {who} do not say their width; set it, for instance to 2048')
    check_least('model.teacher', out_channels=given)
    return given


def _packed(data_samples: Sequence[Any] | None, key: str, width: int) -> Tensor:
    """Features (B, D) out of a field of the data samples."""
    require_field(data_samples, key, 'write it in the pipeline')
    features = [torch.as_tensor(sample.get(key)).float() for sample in data_samples or ()]
    for feature in features:
        if feature.ndim not in (1, 2) or feature.shape[-1] != width:
            raise InputError(
                f"'{key}' has the shape {tuple(feature.shape)}; expected ({width},), or (n, {width}) for n frames, as "
                f'model.teacher.out_channels={width} says'
            )
    return torch.stack([feature.mean(0) if feature.ndim == 2 else feature for feature in features])
