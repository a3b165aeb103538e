"""Every command and code block of README and docs: light ones are run, heavy ones checked down to their last option."""

from __future__ import annotations

import re
import runpy
import sys

import numpy as np
import pytest
import torch
from conftest import write_video
from doc_blocks import (
    Block,
    Command,
    blocks,
    blocks_of,
    check_command,
    check_options,
    check_python,
    checkout,
    commands_of,
    inside,
    pages,
    write_files,
)
from tool_runs import ROOT, forget_runs

from auxskd_mm.apis import load_config
from auxskd_mm.datasets.motion_clips import MotionClipsSettings, make_motion_clips
from auxskd_mm.launch import tool as command_line
from auxskd_mm.registry import MODELS

CHECKED = [block for block in blocks('bash', 'python') if not block.mode.startswith('skip-reason=')]
RUN_PAGES = [page for page in pages() if any(block.mode == 'run' for block in blocks_of(page))]
# Networks for pages that are run: the very configs, narrow.
TINY = {
    'vspp_r21d_k100.py': (
        f"_base_ = '{ROOT}/configs/vspp_r21d_k100.py'\n"
        'model = dict(backbone=dict(base_channels=2), cls_head=dict(in_channels=16))\n'
    ),
    'examples/_base_trunk_lite0.py': """
trunk = dict(type='auxskd_mm.TimmBackbone', model='test_resnet', out_indices=(2,),
    init_cfg=dict(type='Constant', val=0.1, layer='Conv2d'))
channels, grid = 48, (4, 4)
frame_preprocessor = dict(type='auxskd_mm.ClipDataPreprocessor', mean=[127.0] * 3, std=[128.0] * 3)
frame_steps = [dict(type='Resize', scale=(-1, 36)), dict(type='CenterCrop', crop_size=32)]
""",
}


def test_blocks_are_found():
    assert len(CHECKED) > 40
    assert {block.page for block in CHECKED} >= {'README.md', 'configs/README.md', 'docs/own_videos.md'}


def test_what_is_left_out_says_why():
    for block in blocks('bash', 'python'):
        assert block.mode in ('run', 'parse') or len(' '.join([block.mode, *block.words])) > len('skip-reason=') + 20, (
            block.name
        )


def test_commands_are_marked_as_such():
    """A fence without a language would escape the tests."""
    for block in blocks(''):
        assert not re.search(r'^(python|pip|make|bash) ', block.code, re.MULTILINE), f'{block.name}: write ```bash'
        assert not re.search(r'^(import|from) \w|dict\(', block.code, re.MULTILINE), f'{block.name}: write ```python'


@pytest.fixture(scope='module')
def tree(tmp_path_factory):
    folder = checkout(tmp_path_factory.mktemp('checkout') / 'tree')
    for number in '012':  # recipes read the classes when they are planned
        (folder / 'lists' / number).mkdir(parents=True)
        (folder / 'lists' / number / 'classes.txt').write_text('first\nsecond\n')
    return folder


@pytest.mark.parametrize('block', CHECKED, ids=lambda block: block.name)
def test_block_is_sound(block, tree):
    write_files(ROOT / block.page, tree)
    if block.language == 'python':
        check_python(block, tree)
        return
    commands = commands_of(block, tree)
    assert commands or not re.search(r'python|make|pip', block.code), block.name
    for command in commands:
        check_command(command)


@pytest.mark.parametrize(
    ('words', 'says'),
    [
        ('python tools/trian.py configs/vspp_r21d_k100.py', 'no such file'),
        ('python tools/train.py configs/vspp_r21d_k100.py --work-dri x', 'does not take'),
        ('python tools/train.py configs/vspp_r21d_k100.py --cfg-options train_cfg.max_epoch=1', 'takes no max_epoch'),
        (
            'python tools/train.py configs/vspp_r21d_k100.py --cfg-options model.cls_head.segments=1',
            'takes no segments',
        ),
        (
            'python tools/train.py configs/vspp_r21d_k100.py --cfg-options train_dataloader.dataset.pipeline.99.a=1',
            'no entry 99',
        ),
        ('make dmeo', 'the targets are'),
        ("pip install -e '.[light]'", 'has no extra light'),
    ],
)
def test_mistakes_are_found(words, says, tree, capsys):
    (command,) = commands_of(Block('here', 1, 'bash', words, 'parse', []), tree)
    with pytest.raises(AssertionError, match=says):
        check_command(command)


def test_options_that_a_type_takes_need_not_be_in_the_config(tree):
    with inside(tree):
        check_options(
            'configs/vspp_r21d_k100.py', {'model.cls_head.dropout': 0.5, 'train_dataloader.dataset.max_bad_share': 0.5}
        )


def test_bash_resolves_the_block(tree):
    code = 'X="a=1\n  b=2"\nfor s in 0 1; do python t.py \\\n  $s $X; done  # why\n'
    found = commands_of(Block('here', 1, 'bash', code, 'parse', []), tree)
    assert found == [Command(tree, ['python', 't.py', s, 'a=1', 'b=2']) for s in '01']


@pytest.fixture
def workshop(tmp_path):
    """A checkout with what the pages take for granted: videos of two classes, further ones, a trained VSPP."""
    folder = checkout(tmp_path / 'tree', TINY)
    settings = MotionClipsSettings(
        train=6, val=0, test=2, classes=('translation', 'rotation'), width=64, height=48, frames=40
    )
    make_motion_clips(tmp_path / 'clips', settings)
    (folder / 'my_videos').symlink_to(tmp_path / 'clips' / 'train')
    (folder / 'my_test_videos').symlink_to(tmp_path / 'clips' / 'test')
    write_video(folder / 'video.mp4', num_frames=40)
    (folder / 'thermal').mkdir()
    for i in range(4):
        values = np.random.RandomState(i).randint(100, 4000, (40, 60, 80)).astype(np.uint16)
        np.save(folder / 'thermal' / f'{i}.npy', values)
    model = MODELS.build(load_config(str(folder / 'configs' / 'vspp_r21d_k100.py')).model)
    (folder / 'work_dirs' / 'vspp').mkdir(parents=True)
    for epoch in (1, 20):  # commands are run with 1, code as it stands
        torch.save(dict(state_dict=model.state_dict()), folder / 'work_dirs' / 'vspp' / f'epoch_{epoch}.pth')
    return folder


@pytest.mark.parametrize('page', RUN_PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_page_runs(page, workshop, monkeypatch):
    """The page's ``run`` blocks, one after the other, as a reader would."""
    write_files(page, workshop)
    with inside(workshop):
        for block in blocks_of(page):
            if block.mode == 'run' and block.language == 'python':
                exec(compile(block.code, block.name, 'exec'), {'__name__': 'block'})
            elif block.mode == 'run':
                for command in commands_of(block, workshop):
                    _run(command, block, monkeypatch)


def _run(command, block, monkeypatch):
    # The overrides end a training after an epoch, so no later one can be named.
    script, *words = [re.sub(r'epoch_\d+\.pth', 'epoch_1.pth', word) for word in command.words[1:]]
    assert script.startswith('tools/'), f'{block.name}: {script} cannot be run here'
    if block.words and '--cfg-options' in (ROOT / script).read_text():
        words += block.words if '--cfg-options' in words else ['--cfg-options', *block.words]
    run_script(ROOT / script, words, monkeypatch, block.name)


def run_script(script, words, monkeypatch, where):
    """Run a tool in this process. Not call_tool: some fork workers, which must be able to end."""

    def leave(line, code):
        raise AssertionError(f'{where}: {script.name} {words}: {line}')

    forget_runs()
    with monkeypatch.context() as patch:
        patch.setattr(command_line, '_leave', leave)
        patch.setattr(sys, 'argv', [str(script), *words])
        patch.setenv('LOCAL_RANK', '0')
        try:
            runpy.run_path(str(script), run_name='__main__')
        except SystemExit as left:  # check_videos.py says by its code whether all is well
            if left.code:
                leave(f'exit code {left.code}', left.code)
        finally:
            torch.set_num_threads(1)
            forget_runs()
