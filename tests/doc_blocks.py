"""The code blocks of README and docs: found, taken apart by bash itself, and checked down to the last option.

A comment may stand before a block. After ``<!-- test: run KEY=VALUE ... -->`` it is run, every command that takes
``--cfg-options`` with these added. After ``<!-- test: parse -->``, as without a comment, it is checked. ``<!-- test:
skip-reason=WHY -->`` leaves it out.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import inspect
import os
import re
import runpy
import subprocess
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from tool_runs import ROOT, tool_start

from auxskd_mm.apis import load_config
from auxskd_mm.config.load import _RUNNER_KEYS
from auxskd_mm.recipes.plan import plan_recipe
from auxskd_mm_cli.commands import find_commands
from auxskd_mm_cli.main import BUILT_IN

_FENCE = re.compile(
    r'(?:^<!-- test: (?P<mode>[^\n]*?) -->\n+)?^```(?P<language>\w*)[^\n]*\n(?P<code>.*?)^```$',
    re.DOTALL | re.MULTILINE,
)
# What a block may call; each stands first in PATH, notes its words and does nothing.
RECORDED = (
    'python',
    'python3',
    'pip',
    'make',
    'mim',
    'srun',
    'torchrun',
    'git',
    'curl',
    'wget',
    'mkdocs',
    'tensorboard',
    'auxskd-mm',
)
_STUB = '#!/bin/bash\nprintf \'%s\\0\' "$(($# + 2))" "$PWD" "${0##*/}" "$@" >> "$BLOCK_LOG"\n'


class Block(NamedTuple):
    """A fenced block: its page from the root, line, language, text, and what the comment before it says."""

    page: str
    line: int
    language: str
    code: str
    mode: str
    words: list[str]

    @property
    def name(self) -> str:
        return f'{self.page}:{self.line}'


class Command(NamedTuple):
    """A command as bash would start it."""

    folder: Path
    words: list[str]


def pages() -> list[Path]:
    """README and all of docs/."""
    return [
        ROOT / 'README.md',
        ROOT / 'configs' / 'README.md',
        ROOT / 'CONTRIBUTING.md',
        *sorted(ROOT.glob('docs/**/*.md')),
    ]


def blocks_of(page: Path) -> list[Block]:
    """All fenced blocks of a page, in order."""
    text = page.read_text(encoding='utf-8')
    found = []
    for match in _FENCE.finditer(text):
        words = (match['mode'] or 'parse').split()
        line = text[: match.start('language')].count('\n') + 1
        name = page.relative_to(ROOT).as_posix()
        found.append(Block(name, line, match['language'], match['code'], words[0], words[1:]))
    return found


def blocks(*languages: str) -> list[Block]:
    """The blocks of these languages on all pages."""
    return [block for page in pages() for block in blocks_of(page) if block.language in languages]


def checkout(folder: Path, tiny: Mapping[str, str] | None = None) -> Path:
    """A folder that looks like the repository, by links; ``tiny`` replaces configs by texts (``'examples/x.py'``)."""
    (folder / 'configs').mkdir(parents=True)
    for name in ('tools', 'benchmarks', 'tests', 'docs', 'Makefile', 'setup.py', 'README.md', 'model-index.yml'):
        (folder / name).symlink_to(ROOT / name)
    for name, text in (tiny or {}).items():
        (folder / 'configs' / name).parent.mkdir(exist_ok=True)
        (folder / 'configs' / name).write_text(text)
    _link(ROOT / 'configs', folder / 'configs')
    return folder


def _link(source: Path, target: Path) -> None:
    """Link what the target lacks."""
    for path in source.iterdir():
        if (target / path.name).is_dir():
            _link(path, target / path.name)
        elif not (target / path.name).exists():
            (target / path.name).symlink_to(path)


def write_files(page: Path, folder: Path) -> None:
    """Write the page's Python blocks that start with ``# name.py`` as files."""
    for block in blocks_of(page):
        if match := re.match(r'# (\w+\.py)\n', block.code):
            (folder / match[1]).write_text(block.code)


def commands_of(block: Block, folder: Path) -> list[Command]:
    """The commands of a bash block, with its loops, variables and continued lines resolved by bash.

    Args:
        block: Block of bash.
        folder: Where it is read, as of :func:`checkout`.
    """
    stubs, log = folder / '.stubs', folder / '.log'
    if not stubs.is_dir():
        stubs.mkdir()
        (folder / '.venv').mkdir()
        (folder / '.venv' / 'bin').symlink_to(stubs)  # what `make setup` makes
    for name in RECORDED:
        (stubs / name).write_text(_STUB)
        (stubs / name).chmod(0o755)
    log.write_text('')
    keep = {key: value for key, value in os.environ.items() if key not in ('NNODES', 'NODE_RANK', 'PORT', 'PYTHON')}
    done = subprocess.run(
        ['bash', '-eu', '-c', block.code],
        cwd=folder,
        env={**keep, 'PATH': f'{stubs}:{os.environ["PATH"]}', 'BLOCK_LOG': str(log), 'NODE_RANK': '0'},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, f'{block.name}: {done.stderr or done.stdout}'
    parts = log.read_text().split('\0')[:-1]
    found = []
    while parts:
        count = int(parts[0])
        found.append(Command(Path(parts[1]), parts[2 : count + 1]))
        parts = parts[count + 1 :]
    return found


def check_command(command: Command) -> None:
    """Whether a command can start: its file, options and config are there, and the overrides fit the config."""
    program, words = command.words[0], command.words[1:]
    if program == 'make':
        text = (ROOT / 'Makefile').read_text()
        targets, variables = (re.findall(mark, text, re.MULTILINE) for mark in (r'^([\w-]+):', r'^(\w+) \?='))
        for word in words:
            known = word.partition('=')[0] in variables if '=' in word else word in targets
            assert known, f'make {word}: the targets are {targets}, the variables {variables}'
    elif program == 'pip':
        for extra in (name for held in re.findall(r'\[(.*?)\]', ' '.join(words)) for name in held.split(',')):
            assert f"'{extra}': [" in (ROOT / 'setup.py').read_text(), f'setup.py has no extra {extra}'
    elif program == 'auxskd-mm':
        assert words, 'auxskd-mm: no command'
        if words[0] not in ('--help', '--version', *BUILT_IN):
            named = find_commands(ROOT / 'tools').get(words[0])
            assert named is not None, f'auxskd-mm {words[0]}: no such command'
            _check_script(command.folder, [named.path.relative_to(ROOT).as_posix(), *words[1:]])
    elif program == 'mim':
        assert words[:1] == ['search'], words
    else:
        _check_script(command.folder, words if program.startswith('python') else [program, *words])


def _check_script(folder: Path, words: list[str]) -> None:
    scripts = [i for i, word in enumerate(words) if word.endswith('.py') and not word.startswith('-')]
    if words[0] == '-m' and words[1] != 'torch.distributed.run':
        assert importlib.util.find_spec(words[1]) is not None, f'no module {words[1]}'
        for word in words[2:]:
            assert not word.endswith('.py') or (folder / word).is_file(), f'{word}: no such file'
        return
    assert scripts, f'{words}: no script to run'
    script, arguments = folder / words[scripts[0]], words[scripts[0] + 1 :]
    assert script.is_file(), f'{script}: no such file'
    if 'argparse' not in script.read_text():
        return
    options = parsed(script, arguments)
    with inside(folder):
        if options.get('recipe'):
            seeds, lists = options.get('seeds') or (), options.get('lists') or ()
            plan_recipe(Path(options['recipe']), 'work', options['cfg_options'] or {}, seeds=seeds, lists=lists)
        elif isinstance(options.get('config'), str):
            check_options(options['config'], options.get('cfg_options') or {})


class _Parsed(BaseException):
    pass


def parsed(script: Path, arguments: Iterable[str]) -> dict[str, Any]:
    """What a script's own argparse makes of its arguments; the script goes no further."""
    with pytest.MonkeyPatch.context() as patch:
        original = __import__('argparse').ArgumentParser.parse_args

        def stop(self: Any, *args: Any, **kwargs: Any) -> None:
            raise _Parsed(vars(tool_start.read_overrides(original(self, *args, **kwargs))))

        patch.setattr('argparse.ArgumentParser.parse_args', stop)
        patch.setattr(sys, 'argv', [str(script), *arguments])
        patch.setattr(sys, 'path', [str(script.parent), *sys.path])
        try:
            runpy.run_path(str(script), run_name='__main__')
        except _Parsed as found:
            return found.args[0]
        except SystemExit as stopped:
            raise AssertionError(f'{script.name} does not take {list(arguments)} (exit code {stopped.code})') from None
    raise AssertionError(f'{script}: took no arguments at all')


def inside(folder: Path) -> Any:
    """Work in a folder, whose modules can be imported."""
    patch = pytest.MonkeyPatch()

    class Inside:
        def __enter__(self) -> None:
            patch.chdir(folder)
            patch.syspath_prepend(str(folder))

        def __exit__(self, *error: Any) -> None:
            patch.undo()

    return Inside()


@cache
def _plain_config(path: str, folder: str) -> Any:
    return load_config(path)


def check_options(path: str, options: Mapping[str, Any]) -> None:
    """Whether a config loads, and has a place for every override."""
    config = _plain_config(path, os.getcwd())
    for key in options:
        node, parts = config._cfg_dict, key.split('.')
        for depth, part in enumerate(parts):
            if isinstance(node, (list, tuple)):
                assert int(part) < len(node), f'{path}: {key}: no entry {part}'
                node = node[int(part)]
            elif isinstance(node, Mapping) and part in node:
                node = node[part]
            else:
                known = _RUNNER_KEYS if depth == 0 else arguments_of(node)
                assert part in known, f'{path}: {key}: {".".join(parts[:depth]) or "it"} takes no {part}'
                break
    load_config(path, dict(options))


def arguments_of(node: Any) -> set[str]:
    """Arguments of the class that a dict with a ``type`` builds, its bases' too where it passes them on."""
    if not isinstance(node, Mapping) or 'type' not in node:
        return set()
    found: set[str] = set()
    for base in registered(node['type']).__mro__:
        if '__init__' in vars(base):
            signature = inspect.signature(base.__init__).parameters
            found |= set(signature)
            if not any(p.kind is p.VAR_KEYWORD for p in signature.values()):
                break
    return found


def registered(name: str | type) -> type:
    """The class of a registered name."""
    if isinstance(name, type):
        return name
    for module in ('auxskd_mm.registry', 'mmaction.registry', 'mmengine.registry'):
        for registry in vars(importlib.import_module(module)).values():
            # MMAction2 gives one of its registries a module to look in that does not exist.
            with contextlib.suppress(ModuleNotFoundError):
                if type(registry).__name__ == 'Registry' and (found := registry.get(name)) is not None:
                    return found
    raise AssertionError(f"type='{name}' is not registered")


def check_python(block: Block, folder: Path) -> None:
    """Whether a Python block compiles, its imports resolve, its types exist and, if it is a config, it loads."""
    tree = ast.parse(block.code)
    with inside(folder):
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    importlib.import_module(alias.name)
            elif isinstance(node, ast.ImportFrom) and node.module:
                module = importlib.import_module(node.module)
                for alias in node.names:
                    assert hasattr(module, alias.name), f'{block.name}: {node.module} has no {alias.name}'
        names = {
            target.id
            for n in tree.body
            if isinstance(n, ast.Assign)
            for target in n.targets
            if isinstance(target, ast.Name)
        }
        if '_base_' in names:
            header = re.match(r'# (\w+\.py)\n', block.code)
            path = folder / (header[1] if header else 'block.py')
            path.write_text(block.code)
            load_config(str(path))
        elif 'phases' in names:
            path = folder / 'configs' / 'block' / 'recipe.py'
            path.parent.mkdir(exist_ok=True)
            path.write_text(block.code)
            for name in ('lists/0', 'lists/1'):
                Path(name).mkdir(parents=True, exist_ok=True)
                Path(name, 'classes.txt').write_text('a\nb\n')
            steps = {(str(step.config), str(step.options)): step for step in plan_recipe(path, 'work', {}).steps}
            for step in steps.values():
                check_options(str(step.config), step.options)
        # After the config, whose custom_imports may register what its types name.
        for kind in re.findall(r"\btype='([\w.]+)'", block.code):
            registered(kind)


def script_names(script: Path) -> dict[str, Any]:
    """What a script defines, without its ``main`` being run."""
    return runpy.run_path(str(script))
