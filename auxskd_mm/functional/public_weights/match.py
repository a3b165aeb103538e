"""Find the network in a file that a model needs, whatever its tensors are called."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from torch import Tensor

from ...errors import InputError, examples
from .containers import network_roots
from .input_channels import fit_input, inflate_state
from .known import NAMINGS, naming_of
from .naming import Naming, Tensors

# Submodules that hold another library's whole network: pytorchvideo's and torchvision's, timm's.
_TIMM = 'trunk.'
_LIBRARY_PLACES = ('model.', _TIMM)
# Counters and index tables, which say nothing about which network a file belongs to.
OPTIONAL = ('num_batches_tracked', 'relative_position_index', 'attn_mask')


class Match(NamedTuple):
    """Tensors of a file under the names of a model.

    Attributes:
        state: Tensors that have a place in the model.
        left: Tensors of the same network that have none.
        wanted: Names of the model's tensors that the file must have.
        root: Prefix under which the network lies in the file.
        naming: Naming of the file, or None if it has the model's own names.
        adapted: Names of the convolutions of colours that now take other channels.
    """

    state: dict[str, Tensor]
    left: dict[str, Tensor]
    wanted: list[str]
    root: str
    naming: Naming | None
    adapted: tuple[str, ...] = ()

    def fitting(self, own: Tensors) -> list[str]:
        """Wanted names whose tensor has the model's shape."""
        return [key for key in self.wanted if key in self.state and self.state[key].shape == own[key].shape]


def match_weights(
    own: Tensors,
    state: Mapping[str, Any],
    part: str,
    name: str,
    fresh: Sequence[str] = (),
    prefix: str | None = None,
) -> Match | None:
    """Give the tensors of a file the names of a part of a model.

    Each prefix in the file under which a network may lie is tried, with each naming that fits its keys.

    Args:
        own: State dict of the model.
        state: Result of :func:`weights_in`.
        part: Prefix of the part of the model, ``'backbone.'``, or ``''`` if the model is the network.
        name: Name of the checkpoint for messages.
        fresh: Prefixes of own tensors (with ``part``) that no public file has, such as adapters.
        prefix: Prefix in the file. None tries each.

    Returns:
        The match. None if the file covers no part completely and its naming is not known.

    Raises:
        InputError: If several networks in the file fit, or if the naming is known and the tensors do not fit.
    """
    own = {key: value for key, value in own.items() if key.startswith(part)}
    tensors = {key: value for key, value in state.items() if isinstance(value, Tensor)}
    least = max(1, sum(not key.endswith(OPTIONAL) for key in own) // 2)
    if prefix is None:
        roots = network_roots(tensors, least)
    else:
        roots = [prefix.rstrip('.') + '.']
        if not any(key.startswith(roots[0]) for key in tensors):
            raise InputError(
                f"{name}: init_cfg.prefix='{prefix}' is the prefix of no key; leave it out for a bare backbone"
            )
    found: list[Match] = []
    partial: list[Match] = []
    for root in roots:
        network = {key[len(root) :]: value for key, value in tensors.items() if key.startswith(root)}
        for match in _candidates(own, network, part, root, fresh):
            whole = bool(match.wanted) and len(match.fitting(own)) == len(match.wanted)
            (found if whole else partial).append(match)
    if found:
        return _the_one(found, part, name)
    best = max(partial, key=lambda match: (sum(key in match.state for key in match.wanted), match.naming is not None))
    known = best.naming or next((match.naming for match in partial if match.naming), None)
    if known is None:
        return None
    raise InputError(_misfit(best, known, own, part, name))


def _candidates(own: Tensors, network: Tensors, part: str, root: str, fresh: Sequence[str]) -> Iterator[Match]:
    """The network under the names of each naming that it has, and under its own.

    Its own names come last: PECoP's file fits an I3D without adapters under its own names, but then loses the adapters.
    """
    bare = {key[len(part) :]: value for key, value in own.items()}
    ways: list[tuple[Naming | None, Tensors, tuple[str, ...]]] = []
    for known in NAMINGS:
        if known.renames and known.recognises(network):
            ways += [(known, rename(network, bare), known.fresh) for rename in known.renames]
    ways.append((naming_of(network), network, ()))
    places = ['', *(place for place in _LIBRARY_PLACES if any(key.startswith(place) for key in bare))]
    for naming, tensors, may_lack in ways:
        for place in places:
            front = part + place
            lacking = (*(front + key for key in may_lack), *fresh)
            wanted = [
                key for key in own if key.startswith(front) and not key.endswith(OPTIONAL) and not _under(key, lacking)
            ]
            renamed = {front + key: value for key, value in tensors.items()}
            if place == _TIMM:
                renamed = inflate_state(renamed, own)
            fitted = fit_input(renamed, own)
            yield Match(
                {key: value for key, value in fitted.items() if key in own},
                {key: value for key, value in fitted.items() if key not in own},
                wanted,
                root,
                naming,
                tuple(key for key, value in fitted.items() if value is not renamed[key]),
            )


def _under(key: str, prefixes: Sequence[str]) -> bool:
    return bool(prefixes) and key.startswith(tuple(prefixes))


def _the_one(found: list[Match], part: str, name: str) -> Match:
    """The match to take. MMEngine's ``backbone.`` and a bare network come before others, such as a teacher."""
    by_root = {match.root: match for match in reversed(found)}  # of several places for one network the first
    for root in ('backbone.', ''):
        if root in by_root:
            return by_root[root]
    if len(by_root) > 1:
        roots = ', '.join(sorted(by_root))
        raise InputError(
            f'{name}: only 0 of {len(found[0].wanted)} {part.rstrip(".") or "model"} tensors fit under their names; '
            f"the file has several networks that would fit ({roots}); say which one with the backbone's "
            f"init_cfg=dict(type='Pretrained', checkpoint=FILE, prefix='{min(by_root)}')"
        )
    return found[0]


def misfit(wanted: Sequence[str], source: Tensors, own: Tensors, spare: Collection[str]) -> tuple[int, str]:
    """How well the tensors of a file fit a model.

    Args:
        wanted: Names of the tensors that the model needs.
        source: Tensors of the file under the model's names.
        own: Tensors of the model.
        spare: Names in the file that have no place in the model.

    Returns:
        Number of tensors that fit, and what is wrong with the others. The text is empty if all fit.
    """
    missing = [key for key in wanted if key not in source]
    shapes = [key for key in wanted if key in source and tuple(source[key].shape) != tuple(own[key].shape)]
    detail = []
    if missing:
        detail.append(f'missing {examples(missing)}; the file has {examples(spare or source) or "no tensors"}')
    if shapes:
        key = shapes[0]
        detail.append(
            f'{len(shapes)} of another shape, e.g. {key}: {tuple(source[key].shape)} in the file, '
            f'{tuple(own[key].shape)} in the model'
        )
    return len(wanted) - len(missing) - len(shapes), '; '.join(detail)


def _misfit(best: Match, known: Naming, own: Tensors, part: str, name: str) -> str:
    good, detail = misfit(best.wanted, best.state, own, best.left)
    return (
        f'{name}: only {good} of {len(best.wanted)} {part.rstrip(".") or "model"} tensors fit '
        f'({detail}); the file holds {known.title}, whose backbone is {known.backbone}, in its size'
    )
