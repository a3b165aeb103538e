"""Put adapters behind modules of any backbone. The names of the backbone's own tensors do not change."""

from __future__ import annotations

import fnmatch
import inspect
import re
from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from ...errors import InputError, examples, reason_of
from ...functional.adapter_state import BANK
from ...registry import MODELS, type_name
from .kinds import Adapter, whole_clips
from .widths import Feature, find_features


class AdapterBank(nn.ModuleDict):
    """The adapters of a backbone: its child ``adapters``, by the names of the modules that they follow.

    A dot in a name becomes ``__``, so ``adapters.layer1__0.up.weight`` belongs to the module ``layer1.0``. The bank is
    the identity as a layer, so it may be a child of an ``nn.Sequential``.
    """

    def __init__(self) -> None:
        super().__init__()
        self._owner: list[nn.Module] = []  # in a list, so that the backbone is no child of its own child
        self.frozen_norms: tuple[str, ...] = ()

    def keep_norms(self, backbone: nn.Module, names: Sequence[str]) -> None:
        """Keep the named layers of a bank's owner in evaluation mode, also in training: their statistics do not move."""
        self._owner = [backbone]
        self.frozen_norms = tuple(names)

    def train(self, mode: bool = True) -> AdapterBank:
        """Set the mode. The bank is the backbone's last child, so its frozen layers have got their mode already."""
        super().train(mode)
        for owner in self._owner:
            for name in self.frozen_norms:
                owner.get_submodule(name).training = False
        return self

    def forward(self, x: Any) -> Any:
        """Return the input."""
        return x

    def count_clips(self, backbone: nn.Module, inputs: tuple) -> None:
        """Forward pre-hook of the backbone: tell the adapters how many clips the batch has.

        Raises:
            InputError: If the frames of a batch are no whole clips.
        """
        adapters = [adapter for adapter in self.values() if adapter.per_frame]
        x = inputs[0] if inputs else None
        clips = None  # also of an input that is not seen here: the number of an earlier batch would mix its clips
        if isinstance(x, Tensor) and adapters:
            frames = getattr(backbone, 'num_segments', None)
            count = x.shape[0]
            clips = count if x.ndim == 5 else whole_clips(count, frames) if isinstance(frames, int) else None
        for adapter in adapters:
            adapter.clips = clips  # type: ignore[assignment]  # not a tensor


def add_adapters(
    module: nn.Module,
    patterns: str | Sequence[str],
    adapter: dict[str, Any] | None = None,
    zero_init: bool = True,
    clip: Sequence[int] | None = None,
) -> list[str]:
    """Put an adapter behind each module whose name matches.

    The adapters are new children ``adapters.<name>`` of ``module`` and run as forward hooks. They stay with copies of
    the network (``copy.deepcopy``, pickle), and ``torch.compile``, ``torch.export`` and FLOP counters see them. A second
    call adds more adapters.

    Args:
        module: Backbone. It is changed in place.
        patterns: Dotted names of modules, for instance ``'layer?.*'``. ``*`` stands for one part of a name, ``**`` for
            one or more parts. ``'re:...'`` is a regular expression for the whole name.
        adapter: Config of the adapter without its width. None is ``dict(type='auxskd_mm.ConvAdapter')``.
        zero_init: Start with adapters that return their input, so that the outputs of the network do not change.
        clip: (T, H, W) of a clip that the network takes. It is needed only where the usual sizes do not work.

    Returns:
        The names of the modules.

    Raises:
        InputError: If a pattern matches nothing, a module has an adapter already, does not run, yields more than one
            tensor, or features that this kind of adapter cannot take.

    Example:
        >>> from auxskd_mm.models import R2Plus1DVCOP
        >>> network = R2Plus1DVCOP(base_channels=4)
        >>> add_adapters(network, 'stage?', dict(type='auxskd_mm.ConvAdapter', reduction=4))  # doctest: +SKIP
    """
    if adapter is not None and not isinstance(adapter, dict):
        raise InputError(f"adapters: adapter={adapter!r}: expected a config, e.g. dict(type='auxskd_mm.ConvAdapter')")
    config = dict(adapter or {})
    config.setdefault('type', 'auxskd_mm.ConvAdapter')
    patterns = [patterns] if isinstance(patterns, str) else patterns
    if not isinstance(patterns, Sequence) or not all(isinstance(pattern, str) for pattern in patterns):
        raise InputError(f"adapters.patterns={patterns!r}: expected names of modules, e.g. 'layer?.*'")
    names = match_names(module, patterns)
    bank = getattr(module, BANK, None)
    if bank is not None and not isinstance(bank, AdapterBank):
        raise InputError(f'adapters: {type(module).__name__} has a part of its own that is called {BANK!r}')
    twice = [name for name in names if bank is not None and _key(name) in bank]
    if twice:
        raise InputError(f'adapters: {examples(twice)} have adapters already')
    modules = {name: module.get_submodule(name) for name in names}
    features = find_features(module, modules, clip)
    built = {name: _build(config, name, features[name], zero_init) for name in names}  # all, before anything changes
    if bank is None:
        bank = AdapterBank()
        module.add_module(BANK, bank)
        module.register_forward_pre_hook(bank.count_clips)
    first = next(module.parameters(), None)
    for name, made in built.items():
        bank[_key(name)] = made if first is None else made.to(first.device, first.dtype)
        modules[name].register_forward_hook(made.behind)
    bank.train(module.training)
    return names


def match_names(module: nn.Module, patterns: Sequence[str]) -> list[str]:
    """Names of the modules that match, in the network's order. See :func:`add_adapters`.

    Raises:
        InputError: If a pattern matches nothing or is not a regular expression.
    """
    names = [name for name, _ in module.named_modules() if name and name.split('.')[0] != BANK]
    if not patterns:
        raise InputError('adapters: no patterns; name the modules that adapters follow')
    chosen: set[str] = set()
    for pattern in patterns:
        found = [name for name in names if _fits(name, pattern)]
        if not found:
            raise InputError(
                f"adapters: pattern '{pattern}' matches no module of {type(module).__name__}; it has "
                f'{examples([name for name in names if name.count(".") < 2], 8)}'
            )
        chosen.update(found)
    return [name for name in names if name in chosen]


def _fits(name: str, pattern: str) -> bool:
    if not pattern.startswith('re:'):
        return _fit_parts(name.split('.'), pattern.split('.'))
    try:
        return re.fullmatch(pattern[3:], name) is not None
    except re.error as error:
        raise InputError(f"adapters: pattern '{pattern}' is not a regular expression ({error})") from None


def _fit_parts(parts: Sequence[str], globs: Sequence[str]) -> bool:
    if not globs or not parts:
        return not globs and not parts
    if globs[0] == '**':
        return any(_fit_parts(parts[i:], globs[1:]) for i in range(1, len(parts) + 1))
    return fnmatch.fnmatchcase(parts[0], globs[0]) and _fit_parts(parts[1:], globs[1:])


def _key(name: str) -> str:
    return name.replace('.', '__')


def _defaults(kind: type) -> dict[str, Any]:
    """Default values of a constructor, and of those that it hands its further options to."""
    found: dict[str, Any] = {}
    for one in reversed(kind.__mro__):
        parameters = inspect.signature(vars(one)['__init__']).parameters if '__init__' in vars(one) else {}
        found.update((key, parameter.default) for key, parameter in parameters.items())
    return found


def _build(config: dict[str, Any], name: str, feature: Feature, zero_init: bool) -> Adapter:
    options = dict(channels=feature.channels, channels_last=feature.channels_last, zero_init=zero_init)
    kind = config['type'] if isinstance(config['type'], type) else MODELS.get(config['type'])
    if not isinstance(kind, type) or not issubclass(kind, Adapter):
        raise InputError(
            f"adapters: type='{type_name(config['type'])}' is no adapter; take ConvAdapter, MLPAdapter or TemporalAdapter"
        )
    options = {**options, **config}
    defaults = _defaults(kind)
    for key in sorted(key for key in options if isinstance(defaults.get(key), bool)):
        if not isinstance(options[key], bool):  # any other value would count as one of the two
            raise InputError(f'adapters.{key}={options[key]!r}: expected True or False')
    try:
        made = MODELS.build({**options, 'type': kind})  # a bare name may be ours, and the scope another
    except TypeError as error:  # an unknown option
        raise InputError(f"adapters: {kind.__name__} behind '{name}': {reason_of(error)}") from None
    made.per_frame = feature.per_frame
    shape = ' x '.join(map(str, feature.shape))
    if made.channels != feature.channels:
        raise InputError(f"adapters: channels={made.channels}, but '{name}' yields {feature.channels} ({shape})")
    mixes = hasattr(made, 'change')
    axes = len(feature.shape)
    if (mixes and (axes < 3 or (axes < 5 and not feature.per_frame))) or (axes == 3 and not made.takes_tokens):
        raise InputError(
            f"adapters: '{name}' yields {shape}, which is no map of a clip for {kind.__name__}; take MLPAdapter"
        )
    return made
