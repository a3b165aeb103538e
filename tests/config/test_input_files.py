"""Missing lists and folders of a config: the error names the key and the command that makes them."""

import re

import pytest
from mmengine.config import Config
from tool_runs import CONFIGS, TINY_TEST, TINY_VSPP, call_tool

from auxskd_mm.apis import load_config
from auxskd_mm.config.input_files import check_lists
from auxskd_mm.errors import InputError
from auxskd_mm.recipes.run_recipe import run_recipe

OWN = 'auxskd_mm.UnlabeledVideoDataset'


@pytest.fixture(autouse=True)
def empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def loader(**dataset):
    return dict(dataset=dataset)


@pytest.mark.parametrize(
    ('config', 'part', 'says'),
    [
        (
            dict(train_dataloader=loader(type='VideoDataset', ann_file='lists/train.txt')),
            'train',
            'lists/train.txt: no such file or folder, but train_dataloader.dataset.ann_file asks for it; make lists of your '
            'videos with `python tools/data/prepare_folder.py VIDEOS lists`, or set that key to another list (--cfg-options)',
        ),
        (
            dict(val_dataloader=loader(type='VideoDataset', data_root='data/ucf101', ann_file='val_split1.txt')),
            'val',
            'data/ucf101/val_split1.txt: no such file or folder, but val_dataloader.dataset.ann_file asks for it; make it with '
            '`python tools/data/prepare_ucf101.py VIDEOS ANNOTATIONS data/ucf101`, or set that key to another list '
            '(--cfg-options)',
        ),
        (
            dict(
                train_dataloader=loader(type='RepeatDataset', dataset=dict(type=OWN, source='data/motion_clips/train'))
            ),
            'train',
            'data/motion_clips/train: no such file or folder, but train_dataloader.dataset.dataset.source asks for it; make it '
            'with `python tools/data/make_motion_clips.py data/motion_clips`, or set that key to a folder of videos, a glob or '
            'a list file (--cfg-options)',
        ),
        (
            dict(train_dataloader=loader(type=OWN, source='my_videos')),
            'train',
            'my_videos: no such file or folder, but train_dataloader.dataset.source asks for it; set that key to a folder of '
            'videos, a glob or a list file (--cfg-options)',
        ),
    ],
)
def test_message(config, part, says):
    with pytest.raises(InputError) as caught:
        check_lists(Config(config), [part])
    assert str(caught.value) == says


def test_what_is_there_and_what_is_not_asked_for_passes(tmp_path):
    (tmp_path / 'train.txt').write_text('a.mp4 0\n')
    labelled = loader(type='VideoDataset', data_root=str(tmp_path), ann_file='train.txt')
    config = Config(dict(train_dataloader=labelled, val_dataloader=None, test_dataloader=loader(ann_file='none.txt')))
    check_lists(config, ['train', 'val'])
    with pytest.raises(InputError, match=r'test_dataloader\.dataset\.ann_file'):
        check_lists(config, ['test'])
    for source in ('videos/*.mp4', str(tmp_path), [str(tmp_path / 'train.txt')], f'{tmp_path / "train.txt"}#t=0,4'):
        check_lists(Config(dict(train_dataloader=loader(type=OWN, source=source))), ['train'])
    check_lists(Config(dict(train_dataloader=loader(ann_file='s3://bucket/train.txt', data_root='data'))), ['train'])
    check_lists(Config(dict(train_dataloader=loader(type='Other', source='anything'))), ['train'])


def test_gallery_queries_and_hooks_are_looked_at(tmp_path):
    (tmp_path / 'train.txt').write_text('a.mp4 0\n')
    both = dict(
        common=dict(data_root=str(tmp_path)), gallery=dict(ann_file='train.txt'), query=dict(ann_file='test.txt')
    )
    with pytest.raises(InputError, match=rf'^{tmp_path}/test\.txt: .* test_dataloader\.dataset\.query\.ann_file asks'):
        check_lists(Config(dict(test_dataloader=dict(dataset=both))), ['test'])
    hooks = [dict(type='A'), dict(type='auxskd_mm.KNNHook', gallery=loader(ann_file='knn.txt'))]
    with pytest.raises(InputError, match=r'^knn\.txt: .* custom_hooks\.1\.gallery\.dataset\.ann_file asks'):
        check_lists(Config(dict(custom_hooks=hooks)), ['train'])
    check_lists(Config(dict(custom_hooks=hooks)), ['test'])


@pytest.mark.parametrize('path', sorted(CONFIGS.rglob('*.py')), ids=lambda path: path.relative_to(CONFIGS).as_posix())
def test_every_config_says_what_makes_its_data(path):
    if path.parent.parts[-1] == 'recipes' or '_base' in str(path.relative_to(CONFIGS)):
        return
    config = load_config(str(path))
    parts = [part for part in ('train', 'test') if config.get(f'{part}_dataloader')]
    assert parts
    for part in parts:
        with pytest.raises(InputError, match=rf'but {part}_dataloader\.dataset\..* asks for it; (make|set) '):
            check_lists(config, [part])


@pytest.mark.parametrize('tool', ['train.py', 'test.py'])
def test_the_tools_end_in_this_line(tool, tmp_path, monkeypatch, capfd):
    words = [CONFIGS / 'examples/finetune_r21d_small.py', *(['none'] if tool == 'test.py' else [])]
    line = call_tool(monkeypatch, capfd, tool, *words, '--work-dir', tmp_path / 'run').error_line()
    part = tool.removesuffix('.py')
    assert line.startswith(
        f'lists/{part}.txt: no such file or folder, but {part}_dataloader.dataset.ann_file asks for it;'
    )
    assert not (tmp_path / 'run').exists()


def test_a_recipe_looks_before_its_first_step(tmp_path, monkeypatch, capfd):
    recipe = tmp_path / 'recipe.py'
    demo = CONFIGS / 'demo'
    recipe.write_text(
        f"phases = [dict(name='vspp', config='{demo}/vspp_motion.py', test=True,\n"
        f'               options={ {**TINY_VSPP, **TINY_TEST} })]\n'
        "inits = [dict(name='vspp', title='VSPP', init_from='vspp')]\n"
        f"evaluations = [dict(name='probe', config='{demo}/probe_motion.py')]\n"
    )
    (tmp_path / 'data/motion_clips/train').mkdir(parents=True)
    with pytest.raises(
        InputError, match=r'^data/motion_clips/test: .* but vspp\.test_dataloader\.dataset\.source asks'
    ):
        run_recipe(recipe, tmp_path / 'out')
    (tmp_path / 'data/motion_clips/test').mkdir()
    ended = call_tool(monkeypatch, capfd, 'run_recipe.py', recipe, '--work-dir', tmp_path / 'out')
    assert re.match(r'data/motion_clips/train\.txt: .* but probe\.test_dataloader\.dataset\.', ended.error_line())
    assert '$ python' not in ended.out
