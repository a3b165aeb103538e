"""A tiny trunk of single frames, its config, stores of its feature maps, and stores that a config expects."""

from __future__ import annotations

import json
import textwrap
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from conftest import write_video
from torch import Tensor, nn

from auxskd_mm.apis.feature_trunk import TrunkSpec
from auxskd_mm.apis.pack_features import pack_features
from auxskd_mm.datasets.packing import pack_videos
from auxskd_mm.datasets.stores import FeatureSettings, SourceVideo, Store
from auxskd_mm.datasets.stores.feature_settings import trunk_config, trunk_fingerprint
from auxskd_mm.datasets.stores.store import forget_store
from auxskd_mm.launch.trunk_weights import named_weights
from auxskd_mm.registry import MODELS, type_name

CHANNELS, GRID = 6, (4, 4)


@MODELS.register_module(force=True)
class TinyTrunk(nn.Module):
    """Frames (N, 3, H, W) -> maps (N, width, H / 8, W / 8), with weights that depend on ``seed`` alone.

    ``gray=True`` takes frames (N, 1, H, W) and gives the maps of their copies in three channels.
    """

    takes_frames = True

    def __init__(
        self, width: int = CHANNELS, seed: int = 0, scale: float = 1.0, out_indices: tuple = (0,), gray: bool = False
    ) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        self.conv = nn.Conv2d(3, width, 8, 8)
        for parameter in self.conv.parameters():
            parameter.data = scale * torch.randn(parameter.shape, generator=generator) / 14
        if gray:
            self.conv.weight.data = self.conv.weight.data.sum(1, keepdim=True)
        self.out_indices = out_indices

    def forward(self, x: Tensor) -> Tensor:
        maps = self.conv(x).relu()
        return maps if self.out_indices == (0,) else maps[..., :2, :2]


@MODELS.register_module(force=True)
class NeighbourTrunk(TinyTrunk):
    """A trunk whose maps depend on the frame before."""

    def forward(self, x: Tensor) -> Tensor:
        maps = super().forward(x)
        return maps + maps.roll(1, 0)


@MODELS.register_module(force=True)
class TrunkWithTop(nn.Module):
    """Clips (B, 3, T, H, W) through a frozen trunk and a temporal module, as a TimmBackbone has them."""

    def __init__(self, temporal: dict, width: int = CHANNELS, seed: int = 0) -> None:
        super().__init__()
        self.trunk = TinyTrunk(width, seed).requires_grad_(False)
        self.temporal = MODELS.build(temporal)

    def forward(self, x: Tensor) -> Tensor:
        maps = self.trunk(x.transpose(1, 2).flatten(0, 1)).unflatten(0, (len(x), -1)).transpose(1, 2)
        return self.temporal(maps)


FRAME_STEPS = [dict(type='Resize', scale=(-1, 36)), dict(type='CenterCrop', crop_size=32)]
FRAME_PREPROCESSOR = dict(type='auxskd_mm.ClipDataPreprocessor', mean=[120.0, 110.0, 100.0], std=[60.0, 50.0, 40.0])


def write_trunk(path: Path, backbone: dict[str, Any] | None = None, **changes: Any) -> str:
    """Write the config of a trunk.

    ``changes`` replace ``steps``, ``preprocessor``, ``order`` and ``channels``, or add a line ``more``.
    """
    backbone = dict(type='auxskd_mm.TinyTrunk', **(backbone or {})) if 'type' not in (backbone or {}) else backbone
    path.write_text(
        textwrap.dedent(f"""
        default_scope = 'mmaction'
        model = dict(
            type='Recognizer3D',
            backbone={backbone!r},
            cls_head=dict(type='auxskd_mm.ClipFeatureHead'),
            data_preprocessor={changes.get('preprocessor', FRAME_PREPROCESSOR)!r},
        )
        pipeline = [
            dict(type='auxskd_mm.OpenVideo', channel_order={changes.get('order', 'rgb')!r}, channels={changes.get('channels')!r}),
            dict(type='SampleFrames', clip_len=4, frame_interval=1, num_clips=1, test_mode=True),
            dict(type='auxskd_mm.DecodeClips'),
            *{changes.get('steps', FRAME_STEPS)!r},
            dict(type='FormatShape', input_format='NCTHW'),
            dict(type='PackActionInputs'),
        ]
        test_dataloader = dict(dataset=dict(type='auxskd_mm.LabeledVideoDataset', ann_file='x', pipeline=pipeline))
        {changes.get('more', '')}
        """)
    )
    return str(path)


def source_videos(folder: Path, lengths: tuple[int, ...] = (20, 26, 33)) -> list[SourceVideo]:
    """Counted videos with labels 0, 1, 0, ..."""
    folder.mkdir(parents=True, exist_ok=True)
    return [
        SourceVideo(write_video(folder / f'{i}.mp4', length), f'{i}.mp4', i % 2) for i, length in enumerate(lengths)
    ]


def feature_store(folder: Path, videos: list[SourceVideo], config: str, **settings: Any) -> Store:
    """Pack a store of features."""
    spec = TrunkSpec(config, settings.pop('stage', None), settings.pop('grid', None))
    store = pack_features(folder, videos, spec, workers=settings.pop('workers', 1), **settings)
    forget_store(str(folder))
    assert store is not None
    return store


def made_up_maps(frames: Iterator[np.ndarray], name: str, settings: FeatureSettings) -> Iterator[np.ndarray]:
    """Random maps instead of those of a trunk."""
    rng = np.random.RandomState(zlib.crc32(name.encode()) % 2**32)
    for _ in frames:
        yield rng.rand(settings.variants, settings.channels, *settings.grid).astype(np.float16)


def made_up_store(folder: Path, videos: list[SourceVideo], opening: Mapping[str, Any]) -> Store:
    """A store that a config's ``OpenFeatures`` takes, without the seconds of its trunk. It is made once."""
    channels, grid = opening.get('channels') or CHANNELS, tuple(opening.get('grid') or GRID)
    trunk = opening.get('trunk') or {}
    prepared = dict(pipeline=opening.get('frame_steps'), data_preprocessor=opening.get('frame_preprocessor'))
    backbone, preparation = trunk_config(trunk), json.loads(json.dumps(prepared))
    fingerprint = trunk_fingerprint(backbone, preparation, named_weights(trunk) or '')
    settings = FeatureSettings(fingerprint, backbone, preparation, channels, grid)
    return pack_videos(folder / f'{channels}x{grid[0]}', videos, settings, extract=made_up_maps)


def input_of(steps: Sequence[Mapping[str, Any]], video: str, folder: Path) -> str:
    """The file that a pipeline opens: the video, or the same video in a store as ``OpenFeatures`` expects it."""
    opening = next((step for step in steps if type_name(step['type']) == 'OpenFeatures'), None)
    if opening is None:
        return video
    return f'{made_up_store(folder, [SourceVideo(video, "v.mp4", 0)], opening).path}/v.mp4'
