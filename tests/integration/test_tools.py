"""The main job through the real command lines: train, test, resume, the two-phase recipe, a stock MMAction2 recipe."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import mmaction
import numpy as np
import pytest
import torch
from mmengine.config import DictAction
from tool_runs import CONFIGS, TINY_AUXSKD, TINY_TEST, TINY_VSPP, TOOLS, NotCaptured, call_tool, tiny_clips, tool_start

from auxskd_mm.launch.tool import CfgOptions

VSPP = CONFIGS / 'demo' / 'vspp_motion.py'


@pytest.fixture(scope='module')
def clips(tmp_path_factory):
    return tiny_clips(tmp_path_factory.mktemp('motion') / 'clips')


@pytest.fixture(scope='module')
def train_options(clips):
    return {**TINY_VSPP, 'train_dataloader.dataset.source': clips / 'train'}


@pytest.fixture(scope='module')
def work_dir(tmp_path_factory, train_options):
    """Work dir of one epoch of VSPP (2 iterations of 4 clips)."""
    folder = tmp_path_factory.mktemp('vspp')
    words = [VSPP, '--work-dir', 'run', '--seed', 0]
    with pytest.MonkeyPatch.context() as patched:
        patched.chdir(folder)
        assert call_tool(patched, NotCaptured(), 'train.py', *words, options=train_options).code == 0
    return folder / 'run'


def scalars(work_dir):
    """Logged rows of each run in a work dir, in the order of the runs."""
    files = sorted(work_dir.glob('*/vis_data/scalars.json'))
    return [[json.loads(line) for line in file.read_text().splitlines()] for file in files]


def load(path):
    return torch.load(path, weights_only=True)


def test_testing_shows_accuracy_beside_chance_and_ceiling(work_dir, clips, tmp_path, call, monkeypatch):
    monkeypatch.chdir(tmp_path)
    options = {**TINY_VSPP, **TINY_TEST, 'test_dataloader.dataset.source': clips / 'test'}
    words = [VSPP, work_dir / 'epoch_1.pth', '--work-dir', 'out', '--dump', 'predictions.json']
    ended = call('test.py', *words, options=options)
    assert ended.code == 0, ended.err
    (protocol,) = tmp_path.glob('out/*/*.protocol.json')
    (file,) = set(tmp_path.glob('out/*/*.json')) - {protocol}
    written = json.loads(file.read_text())
    beside = json.loads(protocol.read_text())
    # MMEngine adds times, and writes neither counts nor verdicts.
    unwritten = {key for key in beside['result'] if key.endswith(('_videos', '_learned'))}
    assert len(unwritten) == 4
    assert {key: value for key, value in beside['result'].items() if key not in unwritten}.items() <= written.items()
    assert beside['protocol']['method'] == 'VSPP'
    assert beside['protocol']['pretraining_data'] == [str(clips / 'train')]
    assert (beside['protocol']['seed'], beside['protocol']['input_as_in_pretraining']) == (0, True)
    assert beside['protocol']['pretraining'][0]['epochs'] == 1
    assert beside['protocol']['command'].startswith('python ')
    # The second way to the numbers: from the dumped predictions.
    samples = json.loads((tmp_path / 'predictions.json').read_text())['predictions']
    assert len(samples) == 8  # 4 clips, twice
    pace, segment = (
        np.array([int(np.reshape(s[f'{task}_label'], -1)[0]) for s in samples]) for task in ('pace', 'segment')
    )
    right_pace = np.array([int(np.argmax(s['pred_pace'])) for s in samples]) == pace
    right_segment = np.array([int(np.argmax(s['pred_segment'])) for s in samples]) == segment
    assert written['vspp/pace_acc'] == pytest.approx(right_pace.mean())
    assert written['vspp/segment_acc'] == pytest.approx(right_segment.mean())
    assert written['vspp/joint_acc'] == pytest.approx((right_pace & right_segment).mean())
    # Chance: the most frequent answer. Ceiling: where pace is 1 (label 0), only the most frequent segment can be right.
    guessed = max(np.bincount(segment[pace == 0]), default=0)
    expected = dict(
        pace=(np.bincount(pace).max() / 8, 1.0),
        segment=(np.bincount(segment).max() / 8, ((pace > 0).sum() + guessed) / 8),
        joint=(np.bincount(4 * pace + segment).max() / 8, ((pace > 0).sum() + guessed) / 8),
    )
    for task, (chance, ceiling) in expected.items():
        row = re.search(rf'^{task} +([\d.]+)% +([\d.]+)% +([\d.]+)%$', ended.out, re.MULTILINE)
        assert row is not None, ended.out
        shown = [float(value) for value in row.groups()]
        assert shown == pytest.approx([100 * written[f'vspp/{task}_acc'], 100 * chance, 100 * ceiling], abs=0.051)
    assert re.search(r'\b(\d+) of \1 model tensors loaded from', ended.out)


def test_a_run_is_logged_and_resume_continues_it(work_dir, train_options, call, monkeypatch):
    monkeypatch.chdir(work_dir.parent)
    (first,) = scalars(work_dir)
    assert [row['step'] for row in first] == [1, 2]
    assert {'loss', 'loss_speed', 'loss_segment', 'pace_acc', 'segment_acc', 'joint_acc', 'lr'} <= set(first[0])
    before = load(work_dir / 'epoch_1.pth')
    options = {**train_options, 'train_cfg.max_epochs': 2}
    words = [VSPP, '--work-dir', work_dir.name, '--resume', '--seed', 0]
    ended = call('train.py', *words, options=options)
    assert ended.code == 0, ended.err
    assert 'resumed epoch: 1, iter: 2' in ended.out
    assert [row['step'] for row in scalars(work_dir)[1]] == [3, 4]
    after = load(work_dir / 'epoch_2.pth')
    steps = [int(checkpoint['optimizer']['state'][0]['step']) for checkpoint in (before, after)]
    assert steps == [2, 4]
    assert (after['meta']['epoch'], after['meta']['iter']) == (2, 4)


def test_the_recipe_hands_the_backbone_over_and_skips_what_is_finished(clips, tmp_path, call):
    options = {
        **{f'auxskd.{key}': value for key, value in TINY_AUXSKD.items()},
        **{f'vspp.{key}': value for key, value in {**TINY_VSPP, **TINY_TEST}.items()},
        'all.train_dataloader.dataset.source': clips / 'train',
        'all.test_dataloader.dataset.source': clips / 'test',
        # With steps of no length, what the last checkpoint holds is what the phase started from.
        'vspp.optim_wrapper.optimizer.lr': 0.0,
    }
    words = [CONFIGS / 'recipes' / 'auxskd_vspp_motion.py', '--work-dir', tmp_path / 'out', '--seed', 0]
    ended = call('run_recipe.py', *words, options=options)
    assert ended.code == 0, ended.err
    checkpoints = [tmp_path / 'out' / phase / 'epoch_1.pth' for phase in ('auxskd', 'vspp')]
    student, started = (load(path)['state_dict'] for path in checkpoints)
    backbone = {key for key in started if key.startswith('backbone.')}
    statistics = {key for key in backbone if key.endswith(('running_mean', 'running_var', 'num_batches_tracked'))}
    assert len(backbone - statistics) == 32  # C3DBN: 8 convolutions and 8 norms, weight and bias each
    for key in backbone - statistics:
        torch.testing.assert_close(started[key], student[key], rtol=0, atol=0)
    # The student has moved, so that equality is not that of two starts from one seed.
    assert any(not torch.equal(student[key], student[f'teacher.{key}']) for key in backbone - statistics)
    (log,) = (tmp_path / 'out' / 'vspp').glob('2*/*.log')
    counted = sum(not key.endswith('num_batches_tracked') for key in backbone)
    assert f'{counted} of {counted} backbone tensors loaded from {checkpoints[0]}' in log.read_text()
    summary = (tmp_path / 'out' / 'summary.md').read_text()
    assert re.search(r'\| vspp \| `auxskd/epoch_1\.pth` \|.* vspp/pace_acc ', summary)

    times = [path.stat().st_mtime_ns for path in checkpoints]
    again = call('run_recipe.py', *words, options=options)
    assert again.code == 0, again.err
    assert re.findall(r'finished before: (\S+)', again.out) == [str(path) for path in checkpoints]
    assert [path.stat().st_mtime_ns for path in checkpoints] == times
    assert summary in again.out


def test_a_stock_recipe_pretrains_with_vspp(clips, tmp_path, call):
    options = {
        'model.backbone.pretrained': None,
        'model.backbone.depth': 18,
        'model.backbone.base_channels': 4,
        'model.cls_head.in_channels': 32,
        'train_dataloader.batch_size': 4,
        'train_dataloader.num_workers': 0,
        'train_dataloader.persistent_workers': False,
        'train_dataloader.dataset.source': clips / 'test',
        'size': 32,
        'train_cfg.max_epochs': 1,
        'default_hooks.logger.interval': 1,
    }
    example = CONFIGS / 'examples' / 'vspp_slowonly_mmaction.py'
    ended = call('train.py', example, '--work-dir', tmp_path / 'run', '--seed', 0, options=options)
    assert ended.code == 0, ended.err
    ((row,),) = scalars(tmp_path / 'run')
    # Two questions with four answers each cost a network that knows nothing about 2 ln 4.
    assert row['loss'] == pytest.approx(row['loss_speed'] + row['loss_segment'], rel=1e-4)
    assert row['loss'] == pytest.approx(2 * np.log(4), abs=0.5)
    checkpoint = load(tmp_path / 'run' / 'epoch_1.pth')
    assert int(checkpoint['meta']['iter']) == 1
    momenta = [state['momentum_buffer'] for state in checkpoint['optimizer']['state'].values()]
    assert len(momenta) > 60
    assert all(bool(momentum.any()) for momentum in momenta if momentum.ndim > 1)


def arguments(path):
    """Options of a tool by their names: the keywords of every ``add_argument`` in its source, help aside."""
    names = dict(str=str, int=int, float=float, DictAction=DictAction, CfgOptions=tool_start.CfgOptions)
    found = {}
    for node in ast.walk(ast.parse(Path(path).read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == 'add_argument':
            flags = tuple(ast.literal_eval(argument) for argument in node.args)
            found[flags] = {
                word.arg: names[word.value.id] if isinstance(word.value, ast.Name) else ast.literal_eval(word.value)
                for word in node.keywords
                if word.arg != 'help'
            }
    return found


@pytest.mark.parametrize('tool', ['train.py', 'test.py'])
def test_every_option_of_mmaction2_is_there(tool):
    theirs = arguments(Path(mmaction.__file__).parent / '.mim' / 'tools' / tool)
    ours = arguments(TOOLS / tool)
    assert len(theirs) >= 11
    assert ('--cfg-options',) in theirs
    for flags, keywords in theirs.items():
        assert flags in ours, f'{tool} lacks {flags}'
        if keywords.get('action') is DictAction:
            # Ours keeps the words and hands them to a DictAction after the imports.
            assert ours[flags].pop('action') is tool_start.CfgOptions
            assert issubclass(CfgOptions, keywords.pop('action'))
        assert ours[flags] == keywords, flags


@pytest.mark.parametrize(
    ('tool', 'words', 'expected'),
    [
        ('data/prepare_kinetics100.py', ['--list', 'k.list', '--classes', 3], '--classes: has no effect with --list'),
        ('data/prepare_kinetics100.py', ['--list-format', 'path'], '--list-format: has no effect without --list'),
        ('visualization/embedding.py', ['--checkpoint', 'a.pth'], '--checkpoint: has no effect without --config'),
        ('visualization/embedding.py', ['--device', 'cpu'], '--device: has no effect without --config'),
        (
            'visualization/activation.py',
            ['c.mp4', '--num-clips', 2],
            '--num-clips: has no effect without --question as_is',
        ),
        (
            'predict.py',
            ['c.mp4', '--question', 'task', '--num-clips', 2],
            '--num-clips: has no effect with --question task',
        ),
        (
            'evaluate_features.py',
            ['--tasks', 'knn', '--group-pattern', '(.)'],
            '--group-pattern: has no effect without',
        ),
        ('data/check_videos.py', ['--cfg-options', 'a=1'], '--cfg-options: has no effect without --config'),
    ],
)
def test_options_that_would_do_nothing_are_refused(tool, words, expected, call):
    ended = call(tool, 'a', 'b', *words)
    assert ended.code == 2
    assert f'error: {expected}' in ended.err


@pytest.mark.parametrize('value', ['-1', '0', 'nan', 'inf', 'x'])
@pytest.mark.parametrize('option', ['--window', '--stride'])
@pytest.mark.parametrize(
    'tool',
    ['own_videos.py', 'select_to_label.py', 'extract_features.py', 'data/prepare_folder.py', 'data/pack_videos.py'],
)
def test_lengths_of_windows_are_refused_by_the_name_of_the_option(tool, option, value, call):
    """The line named a key of a class that no user of the tools has seen."""
    ended = call(tool, 'a', 'b', 'c', f'{option}={value}')
    assert ended.code == 2
    assert f'error: argument {option}: {value}: expected seconds above 0' in ended.err
