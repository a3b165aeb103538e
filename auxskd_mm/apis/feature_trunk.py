"""A frozen trunk: the frames of a video become feature maps for a store of layout 'features'."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.dataset import Compose
from torch import Tensor, nn

from ..config.load import load_config
from ..config.pipelines import all_steps, evaluation_steps, frame_channels, is_random
from ..datasets.packing.variants import apply_variant, draw_variants
from ..datasets.stores import FeatureSettings
from ..datasets.stores.feature_settings import is_of_trunk, plain_config, trunk_config, trunk_fingerprint
from ..datasets.transforms.decoding import DECODERS
from ..errors import InputError, VideoReadError, is_whole, reason_of
from ..functional.pixels import ordered, to_channels
from ..models.backbones.frames import takes_frames
from ..models.modules.feature_map import feature_map
from ..registry import type_name
from ..weight_hash import weights_digest
from .inference import init_model

if TYPE_CHECKING:
    from ..typing import VideoModel

_BATCH = 32
_TRIED = 5  # made-up frames
_HALF_MAX = float(torch.finfo(torch.float16).max)
# Steps behind the ones that prepare a single frame.
_AFTER = ('FormatShape', 'PackActionInputs')


@dataclass(frozen=True)
class TrunkSpec:
    """Which trunk, so that every process can build it.

    Attributes:
        config: Path of a config whose ``model.backbone`` is the trunk. Its weights come from ``init_cfg`` or
            ``load_from``. Its test pipeline and ``model.data_preprocessor`` say how frames are prepared.
        stage: Stage whose maps are kept, an index for the trunk's ``out_indices``. None leaves the config's.
        grid: Rows and columns to which the maps are averaged. None keeps the trunk's own grid.
        device: Device that the trunk runs on.
    """

    config: str
    stage: int | None = None
    grid: tuple[int, int] | None = None
    device: str = 'cpu'


class TrunkRecord(NamedTuple):
    """What the features of a trunk depend on.

    Attributes:
        backbone: Config of the trunk as plain data.
        preparation: ``channel_order``, ``pipeline`` and ``data_preprocessor`` of its frames, as plain data.
        digest: Digest of its weights.
        fingerprint: 16 hex digits of all three.
    """

    backbone: dict[str, Any]
    preparation: dict[str, Any]
    digest: str
    fingerprint: str


def trunk_record(config: Config, backbone: nn.Module, name: str) -> TrunkRecord:
    """Record of the trunk of a config and its built backbone, with or without a temporal module on top
    (``backbone.temporal``). The name of the config is for messages.

    Raises:
        InputError: If the test pipeline prepares no frames, or has a random step.
    """
    steps = evaluation_steps(config, or_training=True)
    bgr = any(step.get('channel_order') == 'bgr' for step in all_steps(steps))
    preparation = dict(
        channel_order='bgr' if bgr else 'rgb',
        pipeline=[dict(step) for step in _pixel_steps(steps, name)],
        data_preprocessor=config.model.get('data_preprocessor'),
    )
    if (channels := frame_channels(steps)) is not None:
        preparation['channels'] = channels
    preparation = plain_config(preparation)
    trunk = trunk_config(config.model.backbone)
    weights = {key: value for key, value in backbone.state_dict().items() if not key.startswith('temporal.')}
    digest = weights_digest(weights)
    return TrunkRecord(trunk, preparation, digest, trunk_fingerprint(trunk, preparation, digest))


class Trunk:
    """A trunk in evaluation mode, with the preparation of its frames.

    Args:
        spec: Which trunk.

    Attributes:
        fingerprint: 16 hex digits from the config, the preparation and the weights.
        backbone: Config of the trunk as plain data.
        preparation: How frames are prepared, as plain data.
        digest: Digest of the weights.
        channels: Channels of its maps.
        grid: Rows and columns of its maps.

    Raises:
        InputError: If the config is of no trunk for single frames, or has no fixed size of maps, or the grid is none.
    """

    def __init__(self, spec: TrunkSpec) -> None:
        self.spec = spec
        if spec.grid is not None and not (
            len(spec.grid) == 2 and all(is_whole(side) and side > 0 for side in spec.grid)
        ):
            raise InputError(f'grid={spec.grid}: expected (rows, columns), whole numbers from 1')
        config = load_config(spec.config)
        _choose_stage(config, spec)
        self.model: VideoModel = init_model(
            config, config.get('load_from'), spec.device, require='backbone', pretrained=True
        )
        self.model.requires_grad_(False)
        record = trunk_record(config, self.model.backbone, spec.config)
        self.backbone, self.preparation, self.digest, self.fingerprint = record
        self._prepare = Compose(
            [dict(step) for step in _pixel_steps(evaluation_steps(config, or_training=True), spec.config)]
        )
        self._takes_frames = takes_frames(self.model.backbone)
        self.channels, self.grid = self._try()

    def _try(self) -> tuple[int, tuple[int, int]]:
        """Channels and grid of the maps, from a few made-up frames."""
        channels = self.preparation.get('channels', 3)
        noise = np.random.RandomState(0).randint(0, 256, (_TRIED, 120, 160, channels))
        # Of different contrast: a norm over the whole clip hardly shows on frames with the same statistics.
        frames = [(frame * (t + 1) / _TRIED).astype(np.uint8) for t, frame in enumerate(noise)]
        self._refuse_mixing(frames)
        maps = self.maps(frames)
        other = self.maps([np.zeros((96, 176, channels), np.uint8)])
        if other.shape[1:] != maps.shape[1:]:
            raise InputError(
                f'{self.spec.config}: frames of other shapes give maps of other sizes ({tuple(maps.shape[1:])} and '
                f'{tuple(other.shape[1:])}); end its test pipeline with a crop or a resize to one size, or set --grid'
            )
        return int(maps.shape[1]), (int(maps.shape[2]), int(maps.shape[3]))

    def _refuse_mixing(self, frames: Sequence[np.ndarray]) -> None:
        """Refuse a network whose map of a frame depends on the other frames of its batch or of its clip.

        A network of clips gets the frames as one clip, too. In clips of one frame it has no neighbours to mix in.
        """
        refusal = (
            f'{self.spec.config}: the features of a frame depend on the frames beside it, so they cannot be stored per '
            "frame; give a trunk for single frames (TimmBackbone: temporal='none')"
        )
        # The fingerprint leaves this key out. Random weights may hide what it does, by a branch that starts at zero.
        if self.model.cfg.model.backbone.get('temporal') not in (None, 'none'):
            raise InputError(refusal)
        self.prepare(frames)  # a wrong pipeline has messages of its own
        try:
            alone = torch.cat([self.maps([frame]) for frame in frames])
            others = [self.maps(frames)] if self._takes_frames else [self.maps(frames), self._clip_maps(frames)]
        except torch.OutOfMemoryError:
            raise
        except (RuntimeError, ValueError, IndexError, AssertionError) as error:  # made for clips of a certain length
            raise InputError(f'{refusal} ({reason_of(error)})') from None
        allowed = 1e-3 * max(1e-3, float(alone.abs().max()))
        for maps in others:
            if maps is None or maps.shape != alone.shape or not bool((maps - alone).abs().max() <= allowed):
                raise InputError(refusal)

    @torch.inference_mode()
    def _clip_maps(self, frames: Sequence[np.ndarray]) -> Tensor | None:
        """Maps (N, C, h, w) of N frames that the network gets as one clip. None if it yields no map for each of them."""
        feats = feature_map(self.model.backbone(self.prepare(frames).transpose(0, 1).unsqueeze(0)))
        if feats.ndim != 5 or feats.shape[2] != len(frames):
            return None
        return self._pooled(feats[0].transpose(0, 1))

    def in_channels(self, frames: Sequence[np.ndarray], name: str) -> list[np.ndarray]:
        """Frames (H, W, C) of a video in the channels that ``OpenVideo.channels`` of the test pipeline asks for.

        Raises:
            VideoReadError: If they have a number of channels that does not become this one.
        """
        channels = self.preparation.get('channels')
        try:
            return list(frames) if channels is None else [to_channels(frame, channels) for frame in frames]
        except ValueError as error:
            raise VideoReadError(name, str(error)) from None

    def prepare(self, frames: Sequence[np.ndarray]) -> Tensor:
        """Prepare frames as the test pipeline and the data preprocessor do.

        Args:
            frames: N frames (H, W, C) of one size, RGB if they have colours.

        Returns:
            Float (N, C', H', W') in the channels that the network takes.

        Raises:
            InputError: If the test pipeline of the config makes several crops.
        """
        order = self.preparation['channel_order']
        imgs = [np.ascontiguousarray(ordered(frame, 'rgb', order)) for frame in frames]
        shape = imgs[0].shape[:2]
        results = dict(
            imgs=imgs, img_shape=shape, original_shape=shape, modality='RGB', num_clips=1, clip_len=len(imgs)
        )
        done = self._prepare(results)
        if done is None or len(done['imgs']) != len(frames):
            raise InputError(
                f'{self.spec.config}: its test pipeline makes another number of frames, so it takes several crops; give one '
                'with a single crop'
            )
        stacked = np.ascontiguousarray(np.stack(done['imgs']).transpose(0, 3, 1, 2))
        batch = torch.from_numpy(stacked).to(self.spec.device)
        preprocessor: Any = self.model.data_preprocessor
        if getattr(preprocessor, 'format_shape', 'NCHW') == 'NCTHW':
            return preprocessor.preprocess([batch.unsqueeze(2)], None, False)[0][0].squeeze(2)
        return preprocessor.preprocess([batch], None, False)[0][0]

    @torch.inference_mode()
    def maps(self, frames: Sequence[np.ndarray]) -> Tensor:
        """Feature maps of frames.

        Args:
            frames: N frames (H, W, C) of one size, RGB if they have colours.

        Returns:
            float32 (N, C, h, w) on the CPU.

        Raises:
            InputError: If the trunk gives no map per frame, or see :meth:`prepare`.
        """
        batch = self.prepare(frames)
        feats = feature_map(self.model.backbone(batch if self._takes_frames else batch.unsqueeze(2)))
        if feats.ndim == 5:
            feats = feats.flatten(2, 3) if feats.shape[2] == 1 else feats.transpose(1, 2).flatten(0, 1)
        if feats.ndim == 2:
            feats = feats[..., None, None]
        if feats.ndim != 4 or len(feats) != len(frames):
            raise InputError(f'{self.spec.config}: the trunk gives {tuple(feats.shape)} and no map per frame')
        return self._pooled(feats)

    def _pooled(self, feats: Tensor) -> Tensor:
        """Maps (N, C, h, w) as they are stored: averaged to the grid if one was given, on the CPU."""
        if self.spec.grid is not None:
            feats = F.adaptive_avg_pool2d(feats, self.spec.grid)
        return feats.float().cpu()

    def settings(self, **variants: Any) -> FeatureSettings:
        """Settings of a store of this trunk.

        Args:
            variants: ``variants``, ``flip``, ``crop`` and ``jitter`` of :class:`FeatureSettings`.

        Raises:
            InputError: If one is out of its range.
        """
        return FeatureSettings(
            self.fingerprint, self.backbone, self.preparation, self.channels, self.grid, self.spec.stage,
            self.spec.grid is not None or getattr(self.model.backbone, 'grid', None) is not None, **variants,
        ).check()  # fmt: skip


@lru_cache(maxsize=2)
def build_trunk(spec: TrunkSpec) -> Trunk:
    """The trunk of a spec. A process builds it once, and forked processes share it."""
    return Trunk(spec)


@dataclass(frozen=True)
class FeatureExtractor:
    """Feature maps of a video, for :func:`pack_videos`. It can be sent to other processes.

    Attributes:
        spec: Which trunk.
        threads: Threads of torch in a process that packs. None leaves them.
    """

    spec: TrunkSpec
    threads: int | None = None

    def __call__(self, frames: Iterator[np.ndarray], name: str, settings: FeatureSettings) -> Iterator[np.ndarray]:
        """Yield the maps of each frame in every variant.

        Args:
            frames: (H, W, C), RGB if they have colours.
            name: Name of the video in the store. The variants are drawn from it.
            settings: Settings of the store.

        Yields:
            float16 (V, C, h, w).

        Raises:
            InputError: If the trunk of this process is not the trunk of the store.
            VideoReadError: If a feature does not fit into float16.
        """
        if self.threads is not None and torch.get_num_threads() != self.threads:
            torch.set_num_threads(self.threads)
        trunk = build_trunk(self.spec)
        if not is_of_trunk(settings, trunk.backbone, trunk.preparation, trunk.digest):
            raise InputError(
                f'{self.spec.config}: the trunk differs from process to process ({trunk.fingerprint}, not '
                f'{settings.trunk}); give it weights by init_cfg or load_from'
            )
        variants = draw_variants(name, settings)
        share = max(1, _BATCH // len(variants))
        while block := trunk.in_channels(list(islice(frames, share)), name):
            maps = torch.stack([trunk.maps(apply_variant(block, variant)) for variant in variants], 1)
            if not bool((maps.abs() <= _HALF_MAX).all()):
                raise VideoReadError(name, 'has features that do not fit into float16 (not finite, or above 65504)')
            yield from maps.half().numpy()


def _choose_stage(config: Config, spec: TrunkSpec) -> None:
    if not isinstance(config.get('model'), Mapping) or not isinstance(config.model.get('backbone'), Mapping):
        raise InputError(
            f'{spec.config}: has no model.backbone; --trunk takes the config of a model with a framewise trunk'
        )
    if spec.stage is not None:
        config.model.backbone.out_indices = (spec.stage,)


def _pixel_steps(steps: Sequence[Mapping[str, Any]], path: str) -> list[Mapping[str, Any]]:
    """The steps of a pipeline that prepare frames, between decoding and formatting.

    Raises:
        InputError: If the pipeline decodes no frames, or a step is random.
    """
    names = [type_name(step['type']) for step in steps]
    decoders = [i for i, name in enumerate(names) if name in DECODERS]
    if not decoders:
        raise InputError(f'{path}: its test pipeline decodes no frames (its steps: {", ".join(names)})')
    kept = [step for step, name in zip(steps[decoders[-1] + 1 :], names[decoders[-1] + 1 :]) if name not in _AFTER]
    chance = next(filter(is_random, all_steps(kept)), None)
    if chance is not None:
        raise InputError(f'{path}: its test pipeline has the random step {type_name(chance["type"])}; leave it out')
    return kept
