"""Opening and reading feature maps instead of frames."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from mmcv.transforms import BaseTransform

from ...errors import InputError, check_least
from ...registry import TRANSFORMS, type_name
from ..stores.feature_settings import FeatureSettings, check_same_frames, check_same_trunk, check_same_weights
from ..stores.features import StoredFeatureReader, open_stored_features
from .shown_settings import ShowsSettings


@TRANSFORMS.register_module()
class OpenFeatures(ShowsSettings, BaseTransform):
    """Open a video in a store of feature maps; the counterpart of :class:`OpenVideo`.

    Required keys: ``filename``. Added keys: ``video_reader``, ``total_frames``, ``avg_fps``. Samplers follow it as they
    follow ``OpenVideo``, and draw the same frame numbers.

    Args:
        trunk: The trunk that the features must come from: the config of its backbone, or the first digits (6 or more) of
            the fingerprint that ``tools/data/pack_videos.py`` prints. None takes any trunk. A fingerprint covers
            weights and frames. Of a config, runs and tools compare the weights that its ``init_cfg`` names, if they are on this
            machine; see :meth:`expect_weights`.
        channels: Expected channels of the maps. None takes any.
        grid: Expected rows and columns of the maps. None takes any.
        frame_preprocessor: Expected ``model.data_preprocessor`` of the trunk's config: mean and deviation of its frames.
            None takes any. Beside a fingerprint, this key and the next one are not compared.
        frame_steps: Expected steps of the trunk's test pipeline that prepare a frame. None takes any.

    Raises:
        InputError: If the video is in no store of feature maps, or in one of another trunk, width, grid or form of frames.
        VideoReadError: If the store does not hold the video.
    """

    def __init__(
        self,
        trunk: str | Mapping[str, Any] | None = None,
        channels: int | None = None,
        grid: Sequence[int] | None = None,
        frame_preprocessor: Mapping[str, Any] | None = None,
        frame_steps: Sequence[Mapping[str, Any]] | None = None,
    ) -> None:
        self.trunk, self.channels = trunk, channels
        self.frame_preprocessor, self.frame_steps = frame_preprocessor, frame_steps
        self.grid = None if grid is None else tuple(grid)
        self._known: dict[str, FeatureSettings] = {}
        self._weights: str | None = None

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Open ``results['filename']``."""
        reader = self.open(results['filename'])
        results.update(video_reader=reader, total_frames=reader.num_frames, avg_fps=reader.fps)
        return results

    def describe(self) -> str:
        """See :class:`ShowsSettings`."""
        words = ['open the stored feature maps']
        if isinstance(self.trunk, str):
            words.append(f'of the trunk {self.trunk}')
        elif self.trunk is not None:
            words.append(f'of {self.trunk.get("model", type_name(self.trunk.get("type")))}')
        words.append('' if self.channels is None else f'with {self.channels} channels')
        words.append('' if self.grid is None else f'on {" x ".join(map(str, self.grid))} positions')
        return ' '.join(filter(None, words))

    def expect_weights(self, digest: str) -> None:
        """Refuse stores of a trunk with other weights: those that this step has opened, and those that it opens later,
        also in the workers of a loader. It takes a network of the trunk to know the digest, and this room builds none;
        :func:`auxskd_mm.launch.trunk_weights.check_trunk_weights` does.

        Args:
            digest: Digest of the expected weights, see :func:`auxskd_mm.weight_hash.weights_digest`.

        Raises:
            InputError: If the trunk of an open store has other weights.
        """
        self._weights = digest
        for folder, settings in self._known.items():
            check_same_weights(folder, settings, digest)

    def open(self, filename: str) -> StoredFeatureReader:
        """Reader of a video whose store is the expected one.

        Raises:
            InputError: If the store has another trunk, width, grid or preparation than the config.
        """
        reader = open_stored_features(filename)
        folder = reader.store_path
        if folder in self._known:
            return reader
        settings = reader.settings
        if not isinstance(self.trunk, str):
            check_same_frames(folder, settings, self.frame_preprocessor, self.frame_steps)
        if self.trunk is not None:
            check_same_trunk(folder, settings, self.trunk)
        if self._weights is not None:
            check_same_weights(folder, settings, self._weights)
        for key, wanted, found in (
            ('channels', self.channels, settings.channels),
            ('grid', self.grid, settings.grid),
        ):
            if wanted is not None and wanted != found:
                raise InputError(
                    f'{folder}: its feature maps have {key} {found}, and the config expects {wanted} '
                    f'(OpenFeatures.{key}); set it to {found}, or pack the videos with the trunk and stage of the config'
                )
        self._known[folder] = settings
        return reader


@TRANSFORMS.register_module()
class DecodeFeatures(ShowsSettings, BaseTransform):
    """Read the feature maps of ``frame_inds``; the counterpart of :class:`DecodeClips` and ``FormatShape``.

    ``PackActionInputs`` follows it. Crops, flips and colours are the variants of the store, so transforms of images are
    refused behind this step.

    Required keys: ``video_reader`` of :class:`OpenFeatures`, ``frame_inds`` int (N,), ``num_clips`` and ``clip_len``.
    Added keys: ``imgs`` float16 (num_clips, C, clip_len, h, w), ``img_shape`` and ``original_shape`` (h, w), and
    ``variant``, the variant of each clip. With ``all_variants``, a test has ``num_clips`` times as many clips as the store has
    variants: each clip in each variant.

    Args:
        variant: Number of the variant. None draws one per view in training, from NumPy's global generator and after the
            sampler's draws, and takes variant 0 in tests.
        clips_per_view: Number of neighbouring clips that share one draw, for methods with several clips per view.
        all_variants: In tests, read every clip in all variants, to average a classifier's scores over them.

    Raises:
        InputError: If a setting is out of its range, or both ``variant`` and ``all_variants`` are given.
        VideoReadError: If the store does not hold a frame or the variant.
    """

    def __init__(self, variant: int | None = None, clips_per_view: int = 1, all_variants: bool = False) -> None:
        if variant is not None and (isinstance(variant, bool) or not isinstance(variant, int) or variant < 0):
            raise InputError(f'DecodeFeatures.variant={variant!r}: expected a number of a variant from 0 on, or None')
        check_least('DecodeFeatures', clips_per_view=clips_per_view)
        if all_variants and variant is not None:
            raise InputError(f'DecodeFeatures.variant={variant}: contradicts all_variants=True; give one of them')
        self.variant, self.clips_per_view, self.all_variants = variant, clips_per_view, all_variants

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Read the maps of every clip, each in one variant.

        Raises:
            InputError: If no feature maps are open, or ``all_variants`` meets clips with labels of their own.
        """
        reader = results.pop('video_reader', None)
        if not isinstance(reader, StoredFeatureReader):
            raise InputError('DecodeFeatures: no feature maps are open; put OpenFeatures and a sampler before it')
        numbers = np.asarray(results['frame_inds']).reshape(-1, int(results['clip_len']))
        test = bool(results.get('test_mode', False))
        if self.all_variants and test:
            own = [key for key in results if key.endswith('_label')]
            if own:
                raise InputError(
                    f'DecodeFeatures.all_variants=True: the clips of this test have labels of their own ({own[0]}), which more '
                    'clips do not fit; it is for classifiers'
                )
            count = reader.settings.variants
            numbers, variants = np.repeat(numbers, count, axis=0), [*range(count)] * len(numbers)
            results.update(frame_inds=numbers.reshape(-1), num_clips=len(numbers))
        else:
            variants = self._variants(reader, len(numbers), test)
        results['imgs'] = reader.read_clips(numbers, variants)
        results['variant'] = variants
        results['original_shape'] = results['img_shape'] = reader.settings.grid
        return results

    def describe(self) -> str:
        """See :class:`ShowsSettings`."""
        if self.variant is not None:
            return f'read the maps of each frame in variant {self.variant}'
        tests = 'each clip in all variants' if self.all_variants else 'variant 0'
        return f'read the maps of each frame: in training one variant per view at random, in tests {tests}'

    def _variants(self, reader: StoredFeatureReader, clips: int, test: bool) -> list[int]:
        """The variant of each clip."""
        if clips % self.clips_per_view:
            raise InputError(
                f'DecodeFeatures.clips_per_view={self.clips_per_view}: the sampler draws {clips} clips, which do not divide '
                'into such views'
            )
        count = reader.settings.variants
        if self.variant is not None or test or count == 1:
            return [self.variant or 0] * clips
        drawn = np.random.randint(count, size=clips // self.clips_per_view)
        return np.repeat(drawn, self.clips_per_view).tolist()
