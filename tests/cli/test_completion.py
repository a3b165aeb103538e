"""Shell completion: bash and zsh ask the command, which asks the parser of the tool."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys

import pytest
from tool_runs import ROOT, TOOLS

from auxskd_mm_cli.commands import Command, find_commands
from auxskd_mm_cli.completion import candidates, script, tool_parser

COMMANDS = find_commands(TOOLS)
LAYOUTS = ['mp4', 'jpg', 'raw', 'features']


@pytest.mark.parametrize(
    ('words', 'expected'),
    [
        (['pack'], ['pack-videos']),
        (['pa'], ['pace-confusion', 'pack-videos']),
        (['--v'], ['--version']),
        (['pack-videos', '--la'], ['--layout']),
        (['pack_videos', '--la'], ['--layout']),
        (['pack-videos', '--layout', ''], LAYOUTS),
        (['pack-videos', 'a', '--layout', 'r'], ['raw']),
        (['pack-videos', 'vid'], []),
        (['pack-videos', '--size', ''], []),
        (['dist-train', '--'], []),
        (['analyze-logs', ''], ['cal_train_time']),
        (['analyze-logs', 'cal_train_time', '--in'], ['--include-outliers']),
        (['analyze-logs', 'cal_train_time', ''], []),
        (['no-such', '--'], []),
        (['completion', ''], ['bash', 'zsh']),
        (['completion', 'bash', ''], []),
    ],
)
def test_words_become(words, expected):
    assert candidates(words, COMMANDS, ['completion']) == expected


def test_the_first_word_may_be_any_command():
    assert set(COMMANDS) | {'completion', '--help', '--version'} == set(candidates([''], COMMANDS, ['completion']))


@pytest.mark.parametrize('name', sorted(COMMANDS))
def test_every_option_of_every_tool_is_offered(name):
    """Against a second way: the options that stand in the source of the tool."""
    command = COMMANDS[name]
    if command.path.suffix == '.sh':
        assert tool_parser(command) is None
        return
    written = {
        argument.value
        for node in ast.walk(ast.parse(command.path.read_text()))
        if isinstance(node, ast.Call) and getattr(node.func, 'attr', '') == 'add_argument'
        for argument in node.args
        if isinstance(argument, ast.Constant) and str(argument.value).startswith('--')
    }
    tasks = candidates([name, ''], COMMANDS, [])
    offered = {
        one for task in [[], *([task] for task in tasks)] for one in candidates([name, *task, '--'], COMMANDS, [])
    }
    assert written | {'--help'} <= offered


def test_a_tool_that_cannot_start_completes_to_files(tmp_path):
    (tmp_path / 'broken.py').write_text('import no_such_module\n')
    assert tool_parser(Command('broken', tmp_path / 'broken.py', '')) is None


@pytest.fixture
def path(tmp_path):
    """A PATH with the command."""
    command = tmp_path / 'bin' / 'auxskd-mm'
    command.parent.mkdir()
    command.write_text(f'#!/bin/bash\nexec env PYTHONPATH="{ROOT}" "{sys.executable}" -m auxskd_mm_cli "$@"\n')
    command.chmod(0o755)
    return f'{command.parent}{os.pathsep}{os.environ["PATH"]}'


def test_bash_completes_commands_options_and_files(path, tmp_path):
    asked = (['auxskd-mm', 'pack'], ['auxskd-mm', 'pack-videos', '--layout', ''], ['auxskd-mm', 'train', 'conf'])
    lines = ['eval "$(auxskd-mm completion bash)"']
    for words in asked:
        quoted = ' '.join(f"'{word}'" for word in words)
        lines += [f'COMP_WORDS=({quoted}); COMP_CWORD={len(words) - 1}; COMPREPLY=()', '_auxskd_mm']
        lines += ['(IFS=,; echo "${#COMPREPLY[@]} ${COMPREPLY[*]}")']
    lines += ['complete -p auxskd-mm']
    done = subprocess.run(
        ['bash', '-euc', '\n'.join(lines)], capture_output=True, text=True, env={**os.environ, 'PATH': path}
    )
    assert done.stderr == ''
    *found, how = done.stdout.splitlines()
    # None is what makes bash take files (-o default).
    assert found == ['1 pack-videos', f'4 {",".join(LAYOUTS)}', '0 ']
    assert how == 'complete -o default -F _auxskd_mm auxskd-mm'


@pytest.mark.skipif(shutil.which('zsh') is None, reason='needs zsh')
def test_zsh_completes_commands_options_and_files(path):
    asked = (['pack'], ['pack-videos', '--layout', ''], ['train', 'conf'])
    lines = ['compdef() { }', 'compadd() { shift; print -r -- "${(j:,:)@}" }', '_files() { print files }']
    lines += ['eval "$(auxskd-mm completion zsh)"']
    for words in asked:
        quoted = ' '.join(f"'{word}'" for word in ('auxskd-mm', *words))
        lines += [f'words=({quoted}); CURRENT={len(words) + 1}', '_auxskd_mm']
    done = subprocess.run(
        ['zsh', '-fc', '\n'.join(lines)], capture_output=True, text=True, env={**os.environ, 'PATH': path}
    )
    assert done.stdout.splitlines() == ['pack-videos', ','.join(LAYOUTS), 'files'], done.stderr


def test_other_shells_are_refused_with_the_two_that_are_known():
    assert script('fish') is None
    for words in (['fish'], [], ['bash', 'zsh']):
        done = subprocess.run(
            [sys.executable, '-m', 'auxskd_mm_cli', 'completion', *words],
            capture_output=True,
            text=True,
            env={**os.environ, 'PYTHONPATH': str(ROOT)},
        )
        assert done.returncode == 2
        assert done.stderr.startswith('error: completion: expected bash or zsh')
        assert done.stderr.count('\n') == 1
