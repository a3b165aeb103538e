"""A Jupyter kernel runs the tutorial, and data loading in a notebook works or says what to do."""

from __future__ import annotations

import re
import sys

import nbformat
import pytest
from nbclient import NotebookClient
from tool_runs import ROOT

sys.path.insert(0, str(ROOT / 'docs' / 'hooks'))
from tutorial import notebook, page

# A step of a pipeline, as a user writes it into a cell, and clips to use it on.
CELL = """
from pathlib import Path
from mmcv.transforms import BaseTransform
from auxskd_mm.apis import build_runner, extract_features, init_model, load_config
from auxskd_mm.datasets.motion_clips import MotionClipsSettings, make_motion_clips
from auxskd_mm.registry import TRANSFORMS

@TRANSFORMS.register_module()
class SlowStep(BaseTransform):
    def transform(self, results):
        return results

make_motion_clips('clips', MotionClipsSettings(train=4, val=0, test=0, classes=('translation',), width=64, height=48))
config = load_config('auxskd_mm::demo/vspp_motion.py', {
    'train_cfg.max_epochs': 1, 'model.backbone.base_channels': 2, 'model.cls_head.in_channels': 16,
    'train_dataloader.batch_size': 2, 'train_dataloader.num_workers': 2, 'train_dataloader.dataset.repeat': 1,
    'train_dataloader.dataset.source': 'clips/train', 'work_dir': 'run'})
config.train_dataloader.dataset.pipeline.insert(0, dict(type='auxskd_mm.SlowStep'))
config.pop('test_dataloader'); config.pop('test_cfg', None); config.pop('test_evaluator', None)
"""
SPAWN = """
from auxskd_mm.errors import InputError
config.env_cfg.mp_cfg.mp_start_method = 'spawn'
try:
    build_runner(config).train()
except InputError as error:
    print(error)
try:
    steps = [dict(type='auxskd_mm.SlowStep'), *config.train_dataloader.dataset.pipeline[1:]]
    extract_features(init_model(config, 'run/epoch_1.pth'), videos='clips/train', pipeline=steps, num_workers=1)
except InputError as error:
    print(error)
"""
SAYS = (
    "SlowStep: workers of the loader that are started by 'spawn' cannot import it from a notebook; set num_workers=0, or put "
    'it into a module (a .py file) and import it'
)


@pytest.fixture
def execute(tmp_path, monkeypatch):
    """Function that runs cells in a kernel, in an empty folder, and returns what each of them prints."""
    monkeypatch.setenv('OMP_NUM_THREADS', '1')

    def run(notebook):
        client = NotebookClient(
            notebook, timeout=300, kernel_name='python3', resources={'metadata': {'path': tmp_path}}
        )
        client.execute()  # raises what a cell raises
        return [
            ''.join(one.text for one in cell.outputs if one.output_type == 'stream' and one.name == 'stdout')
            for cell in notebook.cells
            if cell.cell_type == 'code'
        ]

    return run


def of_cells(*cells):
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])


def test_forked_workers_use_what_a_cell_defines_and_spawned_ones_say_what_to_do(execute, tmp_path):
    cells = (CELL, 'build_runner(config).train()', SPAWN, 'config.train_dataloader.num_workers = 0\n' + SPAWN)
    _, _, spawned, none = execute(of_cells(*cells))
    assert (tmp_path / 'run' / 'epoch_1.pth').is_file()
    assert spawned.count(SAYS) == 2
    assert none.count(SAYS) == 1  # of extract_features alone


def test_the_tutorial_runs_in_a_kernel(execute, tmp_path):
    _, _, predicted, near, _ = execute(notebook())
    assert len(re.findall(r'^\w+_0000\d\.mp4: pace [1248]x, true [1248]x$', predicted, re.MULTILINE)) == 4
    assert len(re.findall(r'^\w+_0000\d: nearest is \w+_0000\d$', near, re.MULTILINE)) == 4
    assert (tmp_path / 'work_dirs' / 'tutorial' / 'vspp.pt2').is_file()


def test_notebook_and_page_have_all_of_the_script():
    made, text = notebook(), (ROOT / 'docs' / 'tutorial.py').read_text()
    shown = page(made)
    nbformat.validate(made)
    assert {cell.cell_type for cell in made.cells} == {'markdown', 'code'}
    for line in text.splitlines():
        if line.strip('# ') and not line.startswith('# %%'):
            line = line.removeprefix('# ')
            assert any(line in cell.source.splitlines() for cell in made.cells), line
            assert line in shown.splitlines(), line
