"""The command auxskd-mm: it finds each tool, and is in nobody's way between the user and the tool."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tool_runs import ROOT, TOOLS

from auxskd_mm.errors import as_typed
from auxskd_mm_cli import commands, main
from auxskd_mm_cli.commands import command_name, find_commands

# Prints what reaches a tool, and ends with the code of its last argument.
ECHO = '''"""Say what arrived. The second sentence is not shown."""
import json, os, sys
if __name__ == '__main__':
    print(json.dumps([sys.argv[1:], os.environ.get('AUXSKD_MM_CALLED_AS'), sys.executable]))
    sys.exit(int(sys.argv[-1]))
'''


def auxskd_mm(*words, cwd=ROOT, **environment):
    """The command as a process, as the console script starts it."""
    script = 'import sys; from auxskd_mm_cli.main import main; sys.exit(main())'
    return subprocess.run(
        [sys.executable, '-c', script, *map(str, words)],
        capture_output=True,
        text=True,
        cwd=cwd,
        env={**os.environ, 'PYTHONPATH': str(ROOT), **environment},
    )


@pytest.fixture
def tools(tmp_path, monkeypatch):
    """A package of a few tools, which stands in for the real one."""
    folder = tmp_path / 'site' / 'auxskd_mm' / '.mim' / 'tools'
    (folder / 'data').mkdir(parents=True)
    (folder / 'tool_start.py').write_text('"""Shared."""\n')
    (folder / 'say_it.py').write_text(ECHO)
    (folder / 'data' / 'say_more.py').write_text(ECHO)
    (folder / 'data' / 'shout.sh').write_text('#!/bin/bash\n# Shout.\necho "$PYTHON $1"; exit "$2"\n')
    (folder / 'shared.sh').write_text('# Sourced by shout.sh\n')
    (folder.parents[1] / 'version.py').write_text("__version__ = '7.8.9'\n")
    (folder.parents[1] / '__init__.py').write_text("raise RuntimeError('the package was imported')\n")
    return folder


def run(tools, *words, **environment):
    return auxskd_mm(*words, cwd=tools, PYTHONPATH=os.pathsep.join([str(tools.parents[2]), str(ROOT)]), **environment)


def test_every_tool_is_a_command_under_its_own_name():
    found = find_commands(TOOLS)
    runnable = {
        path.stem.replace('_', '-')
        for path in (*TOOLS.rglob('*.py'), *TOOLS.rglob('*.sh'))
        if path.name not in ('tool_start.py', 'mkdocs_hooks.py', 'launch.sh')
    }
    assert set(found) == runnable
    assert found['pack-videos'].path == TOOLS / 'data' / 'pack_videos.py'
    assert found['pack-videos'].group == 'data'
    assert not set(main.BUILT_IN) & set(found)


def test_first_lines_of_docstrings_are_whole_sentences():
    for command in find_commands(TOOLS).values():
        assert command.about(), command.path
        assert command.path.suffix == '.sh' or command.about().endswith('.'), command.path


def test_help_lists_all_commands_and_imports_nothing_heavy():
    script = (
        'import sys; from auxskd_mm_cli.main import main; main(["--help"]);'
        ' print(sorted({"torch", "numpy", "auxskd_mm", "asyncio", "mmengine"} & set(sys.modules)))'
    )
    done = subprocess.run(
        [sys.executable, '-c', script], capture_output=True, text=True, env={**os.environ, 'PYTHONPATH': str(ROOT)}
    )
    *shown, heavy = done.stdout.splitlines()
    assert heavy == '[]'
    for name, command in find_commands(TOOLS).items():
        (line,) = [line for line in shown if line.split()[:1] == [name]]
        assert line.split(maxsplit=1)[1] == command.about()


def test_a_reader_that_stops_early_is_no_error():
    script = 'import sys; from auxskd_mm_cli.main import main; sys.exit(main())'
    with subprocess.Popen(
        [sys.executable, '-c', script, '--help'],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, 'PYTHONPATH': str(ROOT)},
    ) as process:
        process.stdout.close()
        assert process.stderr.read() == b''


def test_a_new_file_is_a_new_command(tools):
    (tools / 'data' / 'new_one.py').write_text(ECHO)
    shown = run(tools, '--help').stdout
    assert '  new-one     Say what arrived. The second sentence is not shown.' in shown
    assert shown.index('\ncommands:\n') < shown.index('  say-it') < shown.index('\ndata:\n') < shown.index('  new-one')
    assert 'shared' not in shown
    assert 'tool-start' not in shown


def test_arguments_and_exit_codes_pass_unchanged(tools):
    words = ['--cfg-options', 'a.b=[1,2]', '', 'x y', '--help', '*', 'ü', '$HOME', '3']
    for called in ('say-it', 'say_it', 'say_it.py'):
        done = run(tools, called, *words)
        assert done.returncode == 3, done.stderr
        assert json.loads(done.stdout) == [words, 'auxskd-mm say-it', sys.executable]
    assert run(tools, 'say-more', 0).returncode == 0


def test_shell_scripts_are_commands_with_the_same_python(tools):
    done = run(tools, 'shout', 'hello world', 5)
    assert (done.returncode, done.stdout) == (5, f'{sys.executable} hello world\n')
    assert run(tools, 'shout', 'x', 0, PYTHON='mine').stdout == 'mine x\n'


def test_tools_of_one_name_are_told_apart_by_their_folders(tools):
    (tools / 'other').mkdir()
    (tools / 'other' / 'say_more.py').write_text(ECHO)
    assert sorted(find_commands(tools)) == ['data/say-more', 'other/say-more', 'say-it', 'shout']
    assert run(tools, 'other/say_more', 4).returncode == 4
    assert 'data/say-more' in run(tools, 'say-more', 4).stderr


@pytest.mark.parametrize(
    ('word', 'says'),
    [
        ('trian', 'did you mean train?'),
        ('videos', 'did you mean own-videos'),
        ('packvideos', 'did you mean pack-videos'),
        ('xyzzy', 'auxskd-mm --help lists the commands'),
        ('--work-dir', 'auxskd-mm --help lists the commands'),
        ('', 'auxskd-mm --help lists the commands'),
        ('configs/vspp_r21d_k100.py', 'as in auxskd-mm train configs/vspp_r21d_k100.py'),
    ],
)
def test_an_unknown_command_gets_one_line_with_the_nearest(word, says):
    done = auxskd_mm(word)
    assert (done.returncode, done.stdout) == (2, '')
    (line,) = done.stderr.splitlines()
    assert line.startswith(f'error: unknown command {word!r}')
    assert says in line


def test_usage_and_examples_of_a_tool_name_the_command():
    done = auxskd_mm('train')
    assert done.returncode == 2
    assert done.stderr.startswith('usage: auxskd-mm train [-h]')
    shown = auxskd_mm('pack-videos', '--help').stdout
    assert '  auxskd-mm pack-videos data/kinetics100/train data/k100_store --size 171 128' in shown
    assert 'python tools/' not in shown
    assert '--trunk auxskd_mm::examples/trunk_lite0.py' in shown
    plain = subprocess.run([sys.executable, TOOLS / 'train.py', '--help'], capture_output=True, text=True).stdout
    assert 'python tools/train.py configs/vspp_r21d_k100.py' in plain


def test_errors_and_options_name_commands_too(tmp_path):
    line = auxskd_mm('train', 'configs/vspp_r21d_k100.py', '--work-dir', tmp_path, cwd=ROOT).stderr.splitlines()[-1]
    assert 'make lists with `auxskd-mm prepare-kinetics100 TRAIN_VIDEOS data/kinetics100' in line
    shown = auxskd_mm('pace-confusion', '--help').stdout
    assert 'auxskd-mm test --dump' in ' '.join(shown.split())
    assert 'tools/' not in shown


@pytest.mark.parametrize(
    ('text', 'typed'),
    [
        ('python tools/data/pack_videos.py V S', 'auxskd-mm pack-videos V S'),
        (
            '(tools/data/prepare_folder.py), or tools/dist_train.sh',
            '(auxskd-mm prepare-folder), or auxskd-mm dist-train',
        ),
        ('/home/me/tools/own.py and my_tools/own.py stay', '/home/me/tools/own.py and my_tools/own.py stay'),
    ],
)
def test_tools_are_named_as_they_were_called(text, typed, monkeypatch):
    monkeypatch.delenv(main.AS_COMMANDS, raising=False)
    assert as_typed(text) == text
    monkeypatch.setenv(main.AS_COMMANDS, '1')
    assert as_typed(text) == typed


def test_the_version_is_read_and_not_imported(tools):
    assert run(tools, '--version').stdout == 'auxskd-mm 7.8.9\n'


def test_without_the_package_or_its_tools_one_line_says_so(tools, tmp_path, monkeypatch, capsys):
    (tools / 'tool_start.py').unlink()
    done = run(tools, 'train')
    assert (done.returncode, done.stderr.count('\n')) == (1, 1)
    assert 'has no tools beside it' in done.stderr
    monkeypatch.setattr(commands, 'PACKAGE', 'no_such_package')
    assert main.main(['train']) == 1
    assert capsys.readouterr().err == 'error: no_such_package is not installed; run `pip install no_such_package`\n'


def test_names_are_taken_as_files_or_as_commands():
    assert [command_name(word) for word in ('pack_videos', 'pack_videos.py', 'dist_train.sh', 'train')] == [
        'pack-videos',
        'pack-videos',
        'dist-train',
        'train',
    ]
    assert Path(main.__file__).parent.name == 'auxskd_mm_cli'
