"""Settings of a store of feature maps."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ...errors import InputError

FEATURES = 'features'
FEATURES_VERSION = 1
VALUE_BYTES = 2  # float16
# Most maps per frame, channels of a map, and rows or columns of its grid.
_MOST = dict(variants=256, channels=2**16, grid=1024)
# Settings that change the training of a trunk, or what follows its maps.
_NOT_OF_MAPS = ('frozen_stages', 'with_cp', 'norm_eval', 'grid', 'temporal', 'shift_fraction', 'temporal_kernel')


class FeatureSettings(NamedTuple):
    """What the feature maps of a store are, and where they come from.

    Attributes:
        trunk: Fingerprint of the trunk: 16 hex digits from its config, its weights and the preparation of its frames.
        backbone: Config of the trunk, as :func:`trunk_config` writes it.
        preparation: ``channel_order``, ``pipeline`` (steps per frame) and ``data_preprocessor`` of the trunk's config.
        channels: Channels C of a map.
        grid: Rows and columns (h, w) of a map.
        stage: Stage of the trunk that the maps come from. None is the config's own.
        pooled: Whether the maps were averaged to ``grid``. False if the trunk yields this grid itself.
        variants: Maps per frame. Variant 0 is the frame as the config prepares it for evaluation.
        flip: Whether the variants with odd numbers are mirrored.
        crop: Smallest side of the crops of the other variants, as a share of the frame. 1 does not crop.
        jitter: Strengths of brightness, contrast, saturation and hue of the other variants.
        features_version: Version of this layout.
    """

    trunk: str
    backbone: dict[str, Any]
    preparation: dict[str, Any]
    channels: int
    grid: tuple[int, int]
    stage: int | None = None
    pooled: bool = False
    variants: int = 1
    flip: bool = True
    crop: float = 1.0
    jitter: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    features_version: int = FEATURES_VERSION

    @property
    def layout(self) -> str:
        """'features'."""
        return FEATURES

    @property
    def gop(self) -> int:
        """1: every frame can be read by itself."""
        return 1

    @property
    def place_bytes(self) -> int:
        """Bytes per frame and place of the grid."""
        return VALUE_BYTES * self.variants * self.channels

    def check(self) -> FeatureSettings:
        """Return the settings after a check.

        Raises:
            InputError: For a setting out of its range.
        """
        if self.features_version != FEATURES_VERSION:
            raise InputError(
                f'features_version={self.features_version!r:.20}: this package reads version {FEATURES_VERSION} of feature '
                'stores; pack the videos again'
            )
        numbers = [('variants', self.variants), ('channels', self.channels), *(('grid', side) for side in self.grid)]
        for key, value in numbers:
            if type(value) is not int or not 1 <= value <= _MOST[key]:
                raise InputError(f'{key}={value!r:.50}: expected a whole number of 1 to {_MOST[key]}')
        if len(self.grid) != 2 or len(self.jitter) != 4:
            raise InputError(f'grid={self.grid}, jitter={self.jitter}: expected 2 and 4 numbers')
        shares = [('crop', self.crop, 0.1), *(('jitter', strength, 0.0) for strength in self.jitter)]
        for key, share, low in shares:
            if isinstance(share, bool) or not isinstance(share, (int, float)) or not low <= share <= 1:
                raise InputError(f'{key}={share!r:.50}: expected {low} to 1')
        return self

    def relevant(self) -> dict[str, Any]:
        """All settings as plain data, for the marker."""
        return json.loads(json.dumps(dict(self._asdict(), layout=FEATURES)))

    def describe(self) -> str:
        """Such as ``trunk 1a2b..., 320 channels, grid 7x7, 4 variants``."""
        height, width = self.grid
        return f'trunk {self.trunk}, {self.channels} channels, grid {height}x{width}, {self.variants} variant(s)'


def feature_settings_of(content: dict[str, Any]) -> FeatureSettings:
    """Settings as :meth:`FeatureSettings.relevant` writes them.

    Raises:
        ValueError: If they are not.
    """
    values = {key: value for key, value in content.items() if key != 'layout'}
    kinds: dict[str, type | tuple[type, ...]] = dict(
        trunk=str, backbone=dict, preparation=dict, grid=list, jitter=list, pooled=bool, flip=bool,
        stage=(int, type(None)),
    )  # fmt: skip
    wrong = [
        key
        for key in FeatureSettings._fields
        if key not in values or not isinstance(values[key], kinds.get(key, object))
    ]  # type: ignore[arg-type]
    if wrong or set(values) != set(FeatureSettings._fields):
        raise ValueError(f'its settings are not those of layout {FEATURES}: {wrong or sorted(content)}'[:200])
    try:
        return FeatureSettings(**dict(values, grid=tuple(values['grid']), jitter=tuple(values['jitter']))).check()
    except (InputError, TypeError) as error:
        raise ValueError(str(error)[:200]) from None


def trunk_config(backbone: Any) -> dict[str, Any]:
    """Config of a trunk, from that of a backbone, as plain data without the keys that do not change its maps."""
    kept = of_maps(backbone)
    if isinstance(kept.get('out_indices'), int):
        kept['out_indices'] = [kept['out_indices']]
    return plain_config(kept)


def trunk_fingerprint(backbone: Mapping[str, Any], preparation: Mapping[str, Any], digest: str) -> str:
    """Fingerprint of a trunk, 16 hex digits.

    Args:
        backbone: Config of the trunk, see :func:`trunk_config`.
        preparation: See :class:`FeatureSettings`.
        digest: Digest of its weights, see :func:`auxskd_mm.weight_hash.weights_digest`.
    """
    content = json.dumps([backbone, preparation, digest], sort_keys=True)
    return hashlib.blake2b(content.encode(), digest_size=8).hexdigest()


def same_config(one: Any, other: Any) -> bool:
    """Whether two configs, or parts of them, describe the same maps. The place of a checkpoint does not count: its weights do,
    and a fingerprint has them. Nor does the scope that MMEngine writes into a config which inherits by address
    (``auxskd_mm::...``).
    """
    return _without(one, '_scope_', 'checkpoint') == _without(other, '_scope_', 'checkpoint')


def is_of_trunk(
    settings: FeatureSettings, backbone: Mapping[str, Any], preparation: Mapping[str, Any], digest: str
) -> bool:
    """Whether features come from a trunk, wherever its weights lay then.

    Args:
        settings: Settings of the features.
        backbone: Config of the trunk, see :func:`trunk_config`.
        preparation: See :class:`FeatureSettings`.
        digest: Digest of its weights, see :func:`auxskd_mm.weight_hash.weights_digest`.
    """
    found = trunk_fingerprint(settings.backbone, settings.preparation, digest)
    alike = same_config([backbone, preparation], [settings.backbone, settings.preparation])
    return alike and found == settings.trunk


def check_same_trunk(path: str, settings: FeatureSettings, trunk: Any) -> None:
    """Refuse a store of another trunk than the expected one, which is the config of a backbone or the first digits of
    its fingerprint. Of the two, only a fingerprint tells weights apart; see :func:`check_same_weights`.

    Raises:
        InputError: If the trunk differs. The message names the first difference.
    """
    if isinstance(trunk, str):
        if len(trunk) < 6 or not settings.trunk.startswith(trunk):
            raise InputError(
                f'{path}: its features are from trunk {settings.trunk}, and the config names {trunk}; name that trunk, or '
                'pack the videos with the other one'
            )
        return
    _compare(path, trunk_config(trunk), settings.backbone, 'are from another trunk', 'name that trunk')


def check_same_weights(path: str, settings: FeatureSettings, digest: str) -> None:
    """Refuse a store of the expected trunk with other weights.

    Args:
        path: Folder of the store, for messages.
        settings: Settings of the store.
        digest: Digest of the expected weights, see :func:`auxskd_mm.weight_hash.weights_digest`.

    Raises:
        InputError: If the fingerprint of the store is that of other weights.
    """
    expected = trunk_fingerprint(settings.backbone, settings.preparation, digest)
    if expected != settings.trunk:
        raise InputError(
            f'{path}: its features are from another trunk (of other weights than init_cfg of the config names: fingerprint '
            f'{settings.trunk}, not {expected}); pack the videos with these weights, or set OpenFeatures.trunk='
            f'{settings.trunk!r}'
        )


def check_same_frames(
    path: str,
    settings: FeatureSettings,
    preprocessor: Mapping[str, Any] | None = None,
    steps: Sequence[Mapping[str, Any]] | None = None,
) -> None:
    """Refuse a store whose trunk got its frames in another form than the config names. None takes any.

    Args:
        path: Folder of the store, for messages.
        settings: Settings of the store.
        preprocessor: Expected ``data_preprocessor`` of the trunk's config.
        steps: Expected steps of its test pipeline between decoding and formatting.

    Raises:
        InputError: If they differ. The message names the first difference.
    """
    form, remedy = 'come from frames in another form', "name the form of the trunk's config"
    if preprocessor is not None:
        theirs = settings.preparation.get('data_preprocessor') or {}
        _compare(path, plain_config(dict(preprocessor)), theirs, form, f'{remedy} (OpenFeatures.frame_preprocessor)')
    if steps is not None:
        ours = plain_config([dict(step) for step in steps])
        theirs = settings.preparation.get('pipeline')
        _compare(path, dict(pipeline=ours), dict(pipeline=theirs), form, f'{remedy} (OpenFeatures.frame_steps)')


def _compare(path: str, ours: Mapping[str, Any], theirs: Mapping[str, Any], what: str, remedy: str) -> None:
    """Refuse two configs with a difference."""
    theirs = _without(theirs, '_scope_')  # which a store of an earlier version has
    for key in sorted({*ours, *theirs}):
        if not same_config(ours.get(key), theirs.get(key)):
            raise InputError(
                f'{path}: its features {what} ({key}={theirs.get(key)!r:.160}, and the config names '
                f'{ours.get(key)!r:.160}); {remedy}, or pack the videos with --trunk again'
            )


def of_maps(backbone: Any) -> dict[str, Any]:
    """Config of a trunk without the keys that do not change its maps, and without what comes on top of it."""
    return {key: value for key, value in dict(backbone).items() if key not in _NOT_OF_MAPS}


def plain_config(content: Any) -> Any:
    """A config as it is read from a store: plain data, without scopes."""
    return _without(json.loads(json.dumps(content, sort_keys=True, default=str)), '_scope_')


def _without(content: Any, *keys: str) -> Any:
    """A config without some keys, at any depth."""
    if isinstance(content, Mapping):
        return {key: _without(value, *keys) for key, value in content.items() if key not in keys}
    return [_without(value, *keys) for value in content] if isinstance(content, (list, tuple)) else content
