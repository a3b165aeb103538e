"""Tools parse before they import: ``--help`` is quick, and whatever is missing for the imports is one line."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import textwrap

import pytest
from tool_runs import CONFIGS, ROOT, TOOLS, call_tool, tool_start

from auxskd_mm import choices
from auxskd_mm.datasets.motion_clips import MOTIONS, MotionClipsSettings
from auxskd_mm.datasets.stores import LAYOUTS, StoreSettings

ALL = sorted(path.relative_to(TOOLS).as_posix() for path in TOOLS.rglob('*.py') if path.name != 'tool_start.py')
HEAVY = ('auxskd_mm', 'torch', 'mmengine', 'mmcv', 'mmaction', 'cv2', 'av', 'scipy', 'sklearn', 'matplotlib', 'pandas')


def run(code: str) -> subprocess.CompletedProcess:
    """Run code in a new process that has this checkout's package."""
    environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'COLUMNS': '1000'}
    environment.pop('AUXSKD_MM_TRACEBACK', None)
    return subprocess.run(
        [sys.executable, '-W', 'ignore', '-c', textwrap.dedent(code)], capture_output=True, text=True, env=environment
    )


@pytest.fixture(scope='module')
def helps():
    """For each tool, its help, which heavy modules were loaded for it, and whether it takes its own example.

    One process for all tools: what one of them loads must not be there for the next one, so it would be counted.
    """
    done = run(f"""
        import contextlib, io, json, runpy, shlex, sys
        found = {{}}
        for name in {ALL!r}:
            path = {str(TOOLS)!r} + '/' + name
            sys.argv, text = [path, '--help'], io.StringIO()
            sys.path.insert(0, path.rpartition('/')[0])
            try:
                with contextlib.redirect_stdout(text):
                    runpy.run_path(path, run_name='__main__')
                code = None
            except SystemExit as stop:
                code = stop.code
            example = text.getvalue().rpartition('example:')[2].strip()
            taken = None
            if name != 'check_nodes.py':
                sys.argv = shlex.split(example)[1:]
                runpy.run_path(path)['parse_args']()
                taken = sys.argv[0]
            del sys.path[0]
            heavy = [module for module in {HEAVY!r} if module in sys.modules]
            found[name] = dict(code=code, text=text.getvalue(), heavy=heavy, taken=taken)
        print(json.dumps(found))
    """)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_help_and_parsing_import_nothing_heavy(helps):
    assert len(helps) == len(ALL) > 30
    assert {name: found['heavy'] for name, found in helps.items() if found['heavy']} == {}
    assert {found['code'] for found in helps.values()} == {0}


def test_every_help_ends_with_an_example_that_the_tool_takes(helps):
    for name, found in helps.items():
        example = found['text'].rpartition('example:\n')[2].strip()
        assert example.startswith(f'python tools/{name} '), name
        assert found['taken'] in (f'tools/{name}', None), name


def test_helps_show_the_choices_and_defaults_of_the_package(helps):
    def shown(names):
        return '{' + ','.join(names) + '}'

    for name, names in {
        'predict.py': choices.QUESTIONS,
        'visualization/activation.py': choices.QUESTIONS,
        'visualization/embedding.py': choices.EMBEDDINGS,
        'deployment/export.py': choices.EXPORTED_PARTS,
        'analysis/publish_model.py': choices.PUBLISHED_PARTS,
        'extract_features.py': choices.POOLINGS,
        'evaluate_features.py': choices.FEATURE_TASKS,
        'data/pack_videos.py': (*LAYOUTS, 'features'),
    }.items():
        assert shown(names) in helps[name]['text'], name
    assert f'mp4: key frame distance; default {StoreSettings().gop}\n' in helps['data/pack_videos.py']['text']
    clips = helps['data/make_motion_clips.py']['text']
    assert f'H.264 quantiser, 0 (best) to 51 (default: {MotionClipsSettings().qp})' in clips
    assert f'(default: {" ".join(MOTIONS)})' in clips


def test_helps_name_defaults_that_say_something(helps):
    shown = {
        'predict.py': ['seconds of a window (default: 2.0)', 'least score of an event (0.5): '],
        'select_to_label.py': ['videos to choose (default: 20)', 'of the clustering (default: 0)'],
        'data/prepare_folder.py': ['share of the clips to hold out (default: 0.25)'],
        'train.py': ['folder for logs and checkpoints (default: work_dirs/<name of the config>)'],
    }
    for name, lines in shown.items():
        for line in lines:
            assert line in helps[name]['text'], (name, line)
    for name, found in helps.items():
        # No option has None, False or an empty text as its default, and no help shows a folder of this machine.
        for word in ('None', 'False', '', '[]', '/'):
            assert f'(default: {word})' not in found['text'], (name, word)
        assert str(ROOT) not in found['text'], name


def test_the_collector_leaves_out_what_was_imported_and_works_after():
    """Without this, each collection that MMEngine asks for takes as long as a few steps of a small network."""
    done = run(f"""
        import argparse, gc, sys
        sys.path.insert(0, {str(TOOLS)!r})
        import tool_start
        def main(args):
            import torch
            print(gc.isenabled(), gc.get_freeze_count() > 500_000, len(gc.get_objects()) < 50_000)
        tool_start.start(argparse.Namespace, main)
        before = gc.get_freeze_count()
        later = [[] for _ in range(1000)]
        tool_start.start(argparse.Namespace, lambda args: print(gc.get_freeze_count() == before))
    """)
    assert done.stdout.split() == ['True'] * 4, done.stdout + done.stderr


def test_a_light_module_leaves_no_half_package_behind():
    done = run(f"""
        import sys
        sys.path.append({str(TOOLS)!r})
        from tool_start import light_module
        light = light_module('auxskd_mm.datasets.stores.settings')
        assert not [name for name in sys.modules if name.startswith('auxskd_mm')]
        import auxskd_mm
        from auxskd_mm.registry import MODELS
        assert 'VSPPHead' in str(MODELS.get('auxskd_mm.VSPPHead'))
        real = light_module('auxskd_mm.datasets.stores.settings')
        print(real is sys.modules[real.__name__], tuple(light.StoreSettings()) == tuple(real.StoreSettings()))
    """)
    assert done.stdout == 'True True\n', done.stderr


@pytest.mark.parametrize(
    ('missing', 'words', 'says'),
    [
        ('mmcv', ['train.py', 'a.py'], "mmcv is not installed: run `pip install 'mmcv-lite"),
        ('mmengine', ['train.py', 'a.py', '--cfg-options', 'a=1'], 'mmengine is not installed; run `pip install .`'),
        ('auxskd_mm', ['predict.py', 'a.py', 'none', 'b.mp4'], 'auxskd_mm is not installed; run `pip install .`'),
    ],
)
def test_what_is_missing_for_the_imports_is_one_line(missing, words, says):
    done = run(f"""
        import importlib.util, runpy, sys
        class Hide:
            def find_spec(self, name, path=None, target=None):
                if name.split('.')[0] == {missing!r}:
                    raise ModuleNotFoundError(f'No module named {{name!r}}', name=name)
        real = importlib.util.find_spec
        importlib.util.find_spec = lambda name, package=None: None if name == {missing!r} else real(name, package)
        sys.meta_path.insert(0, Hide())
        sys.argv = {words!r}
        sys.path.insert(0, {str(TOOLS)!r})
        runpy.run_path({str(TOOLS / words[0])!r}, run_name='__main__')
    """)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith(f'error: {says}')


@pytest.mark.parametrize(
    ('words', 'says'),
    [
        (
            ['--cfg-options', 'train_cfg.max_epochs', '3'],
            'argument --cfg-options: expected key=value pairs with closed',
        ),
        (['--cfg-options', 'scale=(32,32'], 'closed brackets, got: scale=(32,32'),
        (['--cfg-file', 'none.txt'], r'--cfg-file none.txt: cannot be read (No such file or directory)'),
        (['--no-such-option'], 'unrecognized arguments: --no-such-option'),
    ],
)
def test_usage_errors_have_the_exit_code_of_argparse(words, says, monkeypatch, capfd):
    ended = functools.partial(call_tool, monkeypatch, capfd)('train.py', CONFIGS / 'vspp_r21d_k100.py', *words)
    assert ended.code == 2
    assert says in ended.err.splitlines()[-1]
    assert ended.err.startswith('usage: ')


def test_the_later_of_options_and_file_wins(monkeypatch, tmp_path):
    file = tmp_path / 'options.txt'
    file.write_text("{'a': 'file', 'b': 'file'}")
    parser = tool_start.ToolParser('Words', 'none')
    parser.add_argument('--cfg-options', nargs='+', action=tool_start.CfgOptions)
    tool_start.add_cfg_file(parser)

    def read(*words):
        return tool_start.read_overrides(parser.parse_args(words)).cfg_options

    assert read() is None
    assert read('--cfg-options', 'a=1', 'c=007', '--cfg-file', str(file)) == {'a': 'file', 'b': 'file', 'c': '007'}
    later = read('--cfg-file', str(file), '--cfg-options', 'a=1', '--cfg-options', 'b=2', 'a=[3]')
    assert later == {'a': [3], 'b': 2}
    assert later.texts == {'a': '[3]', 'b': '2'}
