"""Overrides in the text of a YAML config, so that what has its value by ``*name`` or ``<<: *name`` follows ``&name``."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from .merge import MISSING, Path

_MAP, _MERGE = 'tag:yaml.org,2002:map', 'tag:yaml.org,2002:merge'


def override_yaml(text: str, overrides: Mapping[Path, Any]) -> str:
    """Put overrides into the text of a YAML config.

    An anchored value is changed where it stands, so its aliases and merges follow. A value that stands there by an alias
    or a merge is changed there alone: the anchor keeps its value.

    Args:
        text: YAML of a mapping.
        overrides: Values by path. A path that fits no place changes nothing, as in :func:`.merge.put_if_fits`.
    """
    root = yaml.compose(text, Loader=yaml.Loader)
    for path, value in overrides.items():
        _put(root, root, path, value)
    return yaml.serialize(root, Dumper=yaml.Dumper, allow_unicode=True, width=10**9)


def _put(root: yaml.Node, node: yaml.Node, path: Path, value: object) -> None:
    key, rest = path[0], path[1:]
    place, old, own = _entry(node, key)
    if place is None and not isinstance(node, yaml.MappingNode):
        return
    if rest:
        if old is None:
            new: yaml.Node = yaml.MappingNode(_MAP, [])
        else:
            new = old if own and _is_first(root, node, place, old) else _copy(old)
        _put(root, new, rest, value)
    else:
        new = _node(value)
    if old is not None and own and not rest and _is_first(root, node, place, old):
        _swap(root, old, new)
    elif place is None:
        node.value.append((_node(key), new))
    elif isinstance(node, yaml.MappingNode):
        node.value[place] = (node.value[place][0], new)
    else:
        node.value[place] = new


def _entry(node: yaml.Node, key: object) -> tuple[int | None, Any, bool]:
    """Place of an entry among those of a node, its value (None if there is none), and whether it is no merged one."""
    if isinstance(node, yaml.SequenceNode):
        if isinstance(key, int) and -1 < key < len(node.value):
            return key, node.value[key], True
        return None, None, True
    pairs = list(enumerate(node.value))[::-1] if isinstance(node, yaml.MappingNode) else []
    for place, (name, value) in pairs:
        if name.tag != _MERGE and _value(name) == key:
            return place, value, True
    for _, (name, value) in pairs:
        for source in (value.value if isinstance(value, yaml.SequenceNode) else [value]) if name.tag == _MERGE else ():
            found = _entry(source, key)[1]
            if found is not None:
                return None, found, False
    return None, None, True


def _children(node: yaml.Node) -> Iterator[tuple[int, yaml.Node]]:
    """Places and values of the entries of a node, in the order of the text."""
    for place, item in enumerate(node.value if isinstance(node, yaml.CollectionNode) else ()):
        yield place, item[1] if isinstance(node, yaml.MappingNode) else item


def _is_first(root: yaml.Node, owner: yaml.Node, place: int | None, value: yaml.Node) -> bool:
    """Whether an entry is where its value first stands in the text: at its anchor, and not at an alias."""
    seen: set[int] = set()

    def walk(node: yaml.Node) -> bool | None:
        for number, child in _children(node):
            if child is value:
                return node is owner and number == place
            if id(child) not in seen:
                seen.add(id(child))
                found = walk(child)
                if found is not None:
                    return found
        return None

    return walk(root) is not False


def _swap(root: yaml.Node, old: yaml.Node, new: yaml.Node) -> None:
    """Put another value in the place of one, wherever a tree holds it."""
    for place, child in list(_children(root)):
        if child is not old:
            _swap(child, old, new)
        elif isinstance(root, yaml.MappingNode):
            root.value[place] = (root.value[place][0], new)
        else:
            root.value[place] = new


def _copy(node: yaml.Node) -> yaml.Node:
    """A node with the same entries, which may be changed alone."""
    if not isinstance(node, yaml.CollectionNode):
        return node
    return type(node)(node.tag, list(node.value), flow_style=node.flow_style)


def _node(value: object) -> yaml.Node:
    return yaml.Dumper(io.StringIO()).represent_data(value)


def _value(node: yaml.Node) -> Any:
    """Value of a key."""
    loader = yaml.Loader('')
    try:
        return loader.construct_object(node, deep=True)
    except yaml.YAMLError:
        return MISSING
