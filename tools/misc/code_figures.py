"""Figures of the code: sizes, docstrings, annotations, the fullest folder, import circles.

The figures show whether a change made the package simpler. Run the tool before and after the change::

    python tools/misc/code_figures.py
    python tools/misc/code_figures.py --root ../another/checkout/auxskd_mm
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from tool_start import ToolParser, start

Function = (ast.FunctionDef, ast.AsyncFunctionDef)


def parse_args() -> argparse.Namespace:
    parser = ToolParser(__doc__, 'python tools/misc/code_figures.py --root auxskd_mm')
    parser.add_argument('--root', type=Path, default=Path(__file__).parents[2] / 'auxskd_mm', help='package folder')
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    for name, value in figures(args.root).items():
        print(f'{name:36} {value}')


def figures(root: Path) -> dict[str, str]:
    """Figures of a package.

    Args:
        root: Its folder.

    Returns:
        {name of the figure: its value as text}.
    """
    sources = {
        path: path.read_text(encoding='utf-8') for path in sorted(root.rglob('*.py')) if '.mim' not in path.parts
    }
    trees = {path: ast.parse(text) for path, text in sources.items()}
    lines = [line for text in sources.values() for line in text.splitlines()]
    functions = [node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, Function)]
    public = [node for tree in trees.values() for node in _public(tree)]
    documented = [text for node in public if (text := ast.get_docstring(node))]
    arguments = [argument for function in functions for argument in _arguments(function)]
    loose = [a for a in arguments if isinstance(a.annotation, ast.Name) and a.annotation.id == 'Any']
    folder, modules = Counter(path.parent for path in sources if path.name != '__init__.py').most_common(1)[0]
    names = sum(len(list(_public(trees[path], nested=False))) for path in sources if path.parent == folder)
    tests = list((root.parent / 'tests').rglob('*.py'))
    test_lines = sum(len(path.read_text(encoding='utf-8').splitlines()) for path in tests)
    circles = import_circles(root, trees)
    return {
        'lines': f'{len(lines)} in {len(sources)} modules',
        'module lines, median / p90 / max': _spread([len(text.splitlines()) for text in sources.values()]),
        'function lines, median / p90 / max': _spread([_length(node) for node in functions]),
        'public docstrings': f'{len(documented) / len(public):.0%} of {len(public)}',
        'docstrings with shapes': f'{sum(_has_shape(text) for text in documented) / len(documented):.0%}',
        'comment lines': f'{sum(line.lstrip().startswith("#") for line in lines) / len(lines):.1%}',
        'arguments typed Any': f'{len(loose) / len(arguments):.1%} of {len(arguments)}',
        'line width p90': str(sorted(len(line) for line in lines if line.strip())[int(0.9 * sum(map(bool, lines)))]),
        'fullest flat folder': f'{folder.relative_to(root.parent)}: {modules} modules, {names} public names',
        'test lines to code lines': f'{test_lines / len(lines):.2f}',
        'import circles': '; '.join(' -> '.join(circle) for circle in circles) or 'none',
    }


def _public(tree: ast.AST, nested: bool = True) -> Iterator[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    """Public classes and functions, with their public methods."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, (ast.ClassDef, *Function)) and not node.name.startswith('_'):
            yield node
            if nested and isinstance(node, ast.ClassDef):
                yield from _public(node)


def _arguments(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.arg]:
    every = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    every += [extra for extra in (function.args.vararg, function.args.kwarg) if extra is not None]
    return [argument for argument in every if argument.arg not in ('self', 'cls')]


def _length(node: ast.AST) -> int:
    return node.end_lineno - node.lineno + 1  # type: ignore[attr-defined]  # nodes of parsed code have lines


def _has_shape(text: str) -> bool:
    """Whether a docstring names a tensor's shape, such as ``(B, C, T)`` or ``(K,)``."""
    return any(part[:1].isupper() and ',' in part.partition(')')[0] for part in text.split('(')[1:])


def _spread(values: Sequence[int]) -> str:
    ordered = sorted(values)
    return f'{ordered[len(ordered) // 2]} / {ordered[int(0.9 * len(ordered))]} / {ordered[-1]}'


def import_circles(root: Path, trees: dict[Path, ast.Module]) -> list[list[str]]:
    """Circles among the modules of a package, imports inside functions included.

    Args:
        root: Folder of the package.
        trees: Its parsed modules.

    Returns:
        Strongly connected groups of more than one module, each sorted.
    """
    names = {_module(root, path): path for path in trees}
    edges = {name: _imports(root, path, trees[path], set(names)) - {name} for name, path in names.items()}
    return [sorted(group) for group in _components(edges) if len(group) > 1]


def _module(root: Path, path: Path) -> str:
    parts = path.relative_to(root.parent).with_suffix('').parts
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


def _imports(root: Path, path: Path, tree: ast.Module, known: set[str]) -> set[str]:
    package = _module(root, path).split('.')
    if path.name != '__init__.py':
        package = package[:-1]
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            target = '.'.join([*base, *([node.module] if node.module else [])])
            # A package's face, taken as a whole, is an import of what is named, where that is a module.
            found |= {f'{target}.{alias.name}' if f'{target}.{alias.name}' in known else target for alias in node.names}
    return found & known


def _components(edges: dict[str, set[str]]) -> list[set[str]]:
    """Strongly connected components: nodes that reach each other."""
    reach = {name: _reachable(name, edges) for name in edges}
    groups: list[set[str]] = []
    for name in edges:
        if not any(name in group for group in groups):
            groups.append({name} | {other for other in reach[name] if name in reach[other]})
    return groups


def _reachable(start: str, edges: dict[str, set[str]]) -> set[str]:
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for other in edges[waiting.pop()] - seen:
            seen.add(other)
            waiting.append(other)
    return seen


if __name__ == '__main__':
    start(parse_args, main)
