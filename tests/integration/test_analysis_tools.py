"""The tools of tools/analysis, tools/deployment and tools/misc: what they print and write, and one line for bad input."""

from __future__ import annotations

import re

import cv2
import pytest
import torch
from conftest import write_video
from mmengine.config import Config
from tool_runs import CONFIGS, ROOT, TINY_VSPP

from auxskd_mm.apis import init_model, load_config

VSPP = CONFIGS / 'demo' / 'vspp_motion.py'
TINY = {'model.backbone.base_channels': 2, 'model.cls_head.in_channels': 16}
SMALL = ['--shape', '16', '32', '32']


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    """Videos, a log, a checkpoint of another network, and a file where a folder is expected."""
    folder = tmp_path_factory.mktemp('analysis')
    for i in range(2):
        write_video(folder / f'videos_{i}.mp4', num_frames=40)
    log = folder / 'run' / '20260101' / 'vis_data' / 'scalars.json'
    log.parent.mkdir(parents=True)
    rows = [f'{{"epoch": 1, "step": {i}, "time": {i}.0, "loss": {4 - i}.5}}' for i in (1, 2, 3)]
    log.write_text('\n'.join(rows) + '\n')
    torch.save(dict(state_dict={'backbone.conv1.weight': torch.zeros(1)}), folder / 'other.pth')
    (folder / 'text.pth').write_text('text')
    (folder / 'file').touch()
    return folder


def test_flops_of_one_config_and_of_a_folder(call, tmp_path):
    ended = call('analysis/get_flops.py', VSPP, options=TINY)
    assert ended.code == 0, ended.err
    assert re.search(r'cls_head: +136 parameters +128 FLOPs', ended.out)
    assert re.search(r'backbone: +\S+ k parameters', ended.out)
    for name in ('a', 'b'):
        Config.fromfile(VSPP).dump(tmp_path / f'{name}.py')
    (tmp_path / '_base_').mkdir()
    (tmp_path / '_base_' / 'c.py').write_text('x = 1\n')
    (tmp_path / 'recipe.py').write_text('phases = []\n')
    ended = call('analysis/get_flops.py', tmp_path, '--all', *SMALL, options=TINY)
    assert ended.code == 0, ended.err
    rows = [line.split(' | ') for line in ended.out.splitlines() if line.startswith(f'| {tmp_path}')]
    assert [row[0] for row in rows] == [f'| {tmp_path}/{name}.py' for name in ('a', 'b')]
    assert rows[0][1] == '1 x 3 x 16 x 32 x 32'
    assert rows[0][2:] == rows[1][2:]


def test_benchmark(call, folder):
    options = {**TINY_VSPP, 'train_dataloader.dataset.source': folder / '*.mp4', 'train_dataloader.batch_size': 2}
    ended = call('analysis/benchmark.py', VSPP, '--batches', 2, '--warmup', 0, '--device', 'cpu', options=options)
    assert ended.code == 0, ended.err
    assert re.search(r'^train loader: \S+ samples per second, batches of 2: .* over 2\)$', ended.out, re.MULTILINE)
    assert re.search(r'^inference: \S+ samples per second, batches of 1: .* over 2\)$', ended.out, re.MULTILINE)


def test_print_config(call, tmp_path):
    ended = call(
        'analysis/print_config.py',
        VSPP,
        '--key',
        'optim_wrapper.optimizer',
        options={'optim_wrapper.optimizer.lr': 0.5},
    )
    assert ended.code == 0, ended.err
    assert 'lr=0.5' in ended.out
    written = tmp_path / 'sub' / 'whole.py'
    assert call('analysis/print_config.py', VSPP, '--out', written).code == 0
    assert Config.fromfile(written).to_dict() == load_config(str(VSPP)).to_dict()


def test_logs(call, folder, tmp_path, monkeypatch):
    monkeypatch.delenv('DISPLAY', raising=False)
    ended = call('analysis/analyze_logs.py', 'cal_train_time', folder / 'run')
    assert 'slowest epoch 1: 2.5000 s per iteration' in ended.out
    assert 'mean 2.5000 s per iteration\n' in ended.out
    out = tmp_path / 'sub' / 'curve.png'
    runs = [f'a={folder}/run', folder / 'run' / '20260101' / 'vis_data' / 'scalars.json']
    ended = call('analysis/plot_curves.py', *runs, '--panels', 'loss', 'time', '--out', out)
    assert ended.code == 0, ended.err
    height, width = cv2.imread(str(out)).shape[:2]
    assert width > 2 * height  # two panels beside each other


def test_publish_and_export(call, tmp_path):
    model = init_model(load_config(str(VSPP), TINY), device='cpu')
    torch.save(dict(state_dict=model.state_dict(), meta=dict(epoch=3)), tmp_path / 'epoch_3.pth')
    ended = call('analysis/publish_model.py', tmp_path / 'epoch_3.pth', tmp_path / 'vspp.pth')
    assert ended.code == 0, ended.err
    (published,) = tmp_path.glob('vspp-*.pth')
    assert ended.out.strip() == str(published)
    ended = call('deployment/export.py', VSPP, published, tmp_path / 'f.pt2', '--part', 'feature', *SMALL, options=TINY)
    assert ended.code == 0, ended.err
    assert re.search(r'f\.pt2: feature, at most \S+ from the model', ended.out)
    clips = torch.rand(5, 3, 16, 32, 32) * 255
    assert torch.export.load(tmp_path / 'f.pt2').module()(clips).shape == (5, 16)


def test_check_config(call):
    ended = call('analysis/check_config.py', VSPP, '--gpus', 2, options={**TINY, 'train_dataloader.batch_size': 8})
    assert ended.code == 0, ended.err
    assert 'effective batch 16 (8 samples x 2 processes)' in ended.out
    ended = call('analysis/check_config.py', CONFIGS / 'recipes' / 'demo_motion.py')
    assert "from the backbone of 'auxskd'" in ended.out


def test_the_zoo_is_left_alone_by_a_check(call, tmp_path):
    line = call('misc/update_zoo.py', '--root', tmp_path, '--check').error_line()
    assert line == f'{tmp_path}: has no configs/README.md; give the folder of the repository'


BAD = {
    'flops_config': ('analysis/get_flops.py', ['none.py'], r'none\.py: no such config file'),
    'flops_folder': ('analysis/get_flops.py', ['none', '--all'], r'none: not a folder of configs'),
    'flops_empty': ('analysis/get_flops.py', ['{folder}/run', '--all'], r'.*run: no configs in it'),
    'flops_recipe': ('analysis/get_flops.py', ['{configs}/recipes/demo_motion.py'], r'the config has no model'),
    'benchmark_data': ('analysis/benchmark.py', ['{vspp}'], r'.*data/motion_clips/train.*'),
    'benchmark_split': ('analysis/benchmark.py', ['{vspp}', '--split', 'val'], r'the config has no val_dataloader'),
    'print_key': (
        'analysis/print_config.py',
        ['{vspp}', '--key', 'model.nek'],
        r"--key model\.nek: no 'nek'; there are ",
    ),
    'print_out': ('analysis/print_config.py', ['{vspp}', '--out', '{folder}/file/x.py'], r'.*x\.py: cannot be written'),
    'logs_run': ('analysis/analyze_logs.py', ['cal_train_time', 'none'], r'none: no such work dir'),
    'logs_curve': (
        'analysis/analyze_logs.py',
        ['plot_curve', '--keys', 'loss', '{folder}/run'],
        r'analyze_logs\.py plot_curve is gone: run python tools/analysis/plot_curves\.py RUN ',
    ),
    'curves_key': ('analysis/plot_curves.py', ['{folder}/run', '--panels', 'acc'], r'none of the runs logged'),
    'curves_twice': (
        'analysis/plot_curves.py',
        ['{folder}/run', '{folder}/run/20260101/vis_data/scalars.json'],
        r".*scalars\.json: a second run called 'run'; give each its own name, as NAME=RUN",
    ),
    'curves_run': ('analysis/plot_curves.py', ['none'], r'none: no \*/vis_data/scalars.json in it'),
    'curves_text': ('analysis/plot_curves.py', ['{folder}/text.pth'], r'.*text\.pth: no scalars in it'),
    'curves_chance': (
        'analysis/plot_curves.py',
        ['{folder}/run', '--chance', 'loss'],
        r'--chance loss: expected NAME=LEVEL',
    ),
    'curves_suffix': ('analysis/plot_curves.py', ['{folder}/run', '--out', 'x.svg'], r'x\.svg: expected a \.png file'),
    'curves_out': (
        'analysis/plot_curves.py',
        ['{folder}/run', '--out', '{folder}/file/x.png'],
        r'.*x\.png: cannot be written',
    ),
    'publish_file': ('analysis/publish_model.py', ['none.pth', 'x.pth'], r'none\.pth: no such checkpoint file'),
    'publish_text': ('analysis/publish_model.py', ['{folder}/text.pth', 'x.pth'], r'.*text\.pth: not a checkpoint'),
    'publish_out': (
        'analysis/publish_model.py',
        ['{folder}/other.pth', '{folder}/file/x.pth'],
        r'.*x\.pth: cannot be written',
    ),
    'check_config': ('analysis/check_config.py', ['none.py'], r'none\.py: no such config file'),
    'check_gpus': ('analysis/check_config.py', ['{vspp}', '--gpus', '0'], r'gpus=0: expected at least 1'),
    'check_text': ('analysis/check_config.py', ['{folder}/text.pth'], r'.*text\.pth: not a config; expected a \.py'),
    'check_model': (
        'analysis/check_config.py',
        ['{vspp}', '--cfg-options', 'model.backbone.type=auxskd_mm.R2Plus1'],
        r'unknown type in the config: auxskd_mm\.R2Plus1',
    ),
    'export_checkpoint': (
        'deployment/export.py',
        ['{vspp}', '{folder}/other.pth', 'x.pt2'],
        r'.*other\.pth: only 0 of',
    ),
    'export_missing': ('deployment/export.py', ['{vspp}', 'none.pth', 'x.pt2'], r'none\.pth: no such checkpoint file'),
    'export_suffix': ('deployment/export.py', ['{vspp}', 'none', 'x.pth'], r'x\.pth: expected a file that ends in'),
    'export_out': ('deployment/export.py', ['{vspp}', 'none', '{folder}/file/x.onnx'], r'.*x\.onnx: cannot be written'),
}


@pytest.mark.parametrize('kind', BAD)
def test_bad_input(kind, folder, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    tool, words, says = BAD[kind]
    words = [word.format(folder=folder, vspp=VSPP, configs=CONFIGS) for word in words]
    line = call(tool, *words).error_line()
    assert re.match(says, line), line
    if 'export' in kind or 'publish' in kind:
        assert list(tmp_path.iterdir()) == []


def test_configs_of_the_installed_package(call):
    ended = call('analysis/check_config.py', 'auxskd_mm::vspp_r21d_k100.py')
    assert ended.code == 0, ended.err
    assert 'Faithful to VSPP' in ended.out


def test_tools_are_executable_modules():
    for folder in ('analysis', 'deployment', 'misc'):
        for path in (ROOT / 'tools' / folder).glob('*.py'):
            text = path.read_text()
            assert text.startswith('"""'), path
            assert text.rstrip().endswith('start(parse_args, main)'), path
