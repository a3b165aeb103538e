"""Labels against the head before a run, for our data set and MMAction2's; and the number of classes from the lists."""

import re

import pytest
import torch
from conftest import write_video
from mmengine.config import Config
from tool_runs import CONFIGS, call_tool

from auxskd_mm.apis import load_config
from auxskd_mm.config.labeled_lists import check_labeled_lists
from auxskd_mm.errors import InputError

OURS, THEIRS = 'auxskd_mm.LabeledVideoDataset', 'VideoDataset'


def check(folder, content, kind=THEIRS, num_classes=2, part='train', evaluator='AccMetric', **settings):
    (folder / 'list.txt').write_bytes(content if isinstance(content, bytes) else content.encode())
    for name in ('a.mp4', 'b.mp4'):
        (folder / name).touch()
    dataset = dict(type=kind, ann_file='list.txt', data_root=str(folder), **settings)
    head = {} if num_classes is None else dict(num_classes=num_classes)
    config = dict(model=dict(cls_head=head), test_evaluator=dict(type=evaluator))
    check_labeled_lists(Config({**config, f'{part}_dataloader': dict(dataset=dataset)}), [part])


@pytest.mark.parametrize('kind', [OURS, THEIRS, 'mmaction.VideoDataset'])
@pytest.mark.parametrize('part', ['train', 'val', 'test'])
def test_labels_from_1_end_in_one_line(tmp_path, kind, part):
    with pytest.raises(InputError) as error:
        check(tmp_path, 'a.mp4 1\nb.mp4 2\n', kind, part=part)
    assert str(error.value) == (
        f'{tmp_path}/list.txt: line 2: label 2 does not fit model.cls_head.num_classes=2; the labels go from 1 to 2 and must go '
        'from 0 to 1: subtract 1 from each'
    )
    check(tmp_path, 'a.mp4 0\nb.mp4 1\n', kind, part=part)


@pytest.mark.parametrize(
    ('content', 'says'),
    [
        ('a.mp4\t0\nb.mp4\t1\n', 'expected 2 columns, found 1; MMAction2 divides a line at each'),
        ('a.mp4 0\nb.mp4  1\n', r"line 2 'b.mp4  1': expected 2 columns, found 3; .*LabeledVideoDataset' reads tabs"),
        ('', 'the list is empty'),
        ('a.mp4\nb.mp4\n', r"line 1 'a.mp4': no label"),
        ('a.mp4 0\n\nb.mp4 1\n', "line 2 '': an empty line, which MMAction2 takes for a video without a name"),
        ('a.mp4 0\nb.mp4 1\n\n', "line 3 '': an empty line"),
        ('\n \n', 'the list is empty'),
        ('my clip.mp4 0\n', 'expected 2 columns, found 3'),
        ('a.mp4,0\n', 'expected 2 columns, found 1'),
        ('a.mp4 0\nb.mp4 1\na.mp4 1\n', 'line 3: a.mp4 has label 1, but label 0 in line 1; a video has one class'),
        ('a.mp4 run\n', "label 'run' is no whole number"),
        ('a.mp4 --1\n', "label '--1' is no whole number"),
        ('a.mp4 \u00b2\n', "label '\u00b2' is no whole number"),
        ('a.mp4 -1\n', 'label -1 is negative'),
        (b'\xef\xbb\xbfa.mp4 0\n', 'byte order mark'),
        ('a.mp4 0\nb.mp4 5\n', 'line 2: label 5 does not fit .*; expected 0 to 1'),
    ],
)
def test_what_mmaction2_would_misread(tmp_path, content, says):
    with pytest.raises(InputError, match=says) as error:
        check(tmp_path, content)
    assert '\n' not in str(error.value)


def test_lists_of_folders_of_frames_are_divided_at_blanks(tmp_path):
    for content, says in {
        'a  30\n': r"line 1 'a  30': expected 3 columns, found 2; MMAction2 divides a line at blanks",
        'a 30.5 1\n': "line 1 'a 30.5 1': '30.5' is no number of frames",
        'a 30 1\n\n': "line 2 '': an empty line",
    }.items():
        with pytest.raises(InputError, match=says):
            check(tmp_path, content, 'RawframeDataset')
    check(tmp_path, 'a  30\t0\nb 31 1 \n', 'RawframeDataset')
    with pytest.raises(InputError, match=r"line 1 'a\.mp4': no label; expected 'path label'"):
        check(tmp_path, 'a.mp4\n', delimiter=None)


def test_what_mmaction2_reads_rightly_passes(tmp_path):
    check(tmp_path, 'a.mp4 0\r\nb.mp4 1\r\n')
    check(tmp_path, 'a.mp4,0\nb.mp4,1\n', delimiter=',')
    check(tmp_path, 'a.mp4 0 1\nb.mp4 1\n', multi_class=True)
    check(tmp_path, 'a.mp4\nb.mp4\n', part='test', evaluator='DumpResults')
    check(tmp_path, 'a.mp4\nb.mp4\n', num_classes=None)
    check(tmp_path, 'a 30 0\nb 31 1\n', 'RawframeDataset')
    with pytest.raises(InputError, match='line 2: label 31 does not fit'):
        check(tmp_path, 'a 0\nb 31\n')
    with pytest.raises(InputError, match='line 1: label 2'):
        check(tmp_path, 'a.mp4 0 2\nb.mp4 1\n', multi_class=True)


def test_wrapped_data_sets_galleries_and_names(tmp_path):
    (tmp_path / 'list.txt').write_text('a.mp4 1\nb.mp4 2\n')
    (tmp_path / 'a.mp4').touch()
    own = dict(type=THEIRS, ann_file='list.txt', data_root=str(tmp_path))
    both = dict(common=dict(type=OURS, data_root=str(tmp_path)), gallery=dict(ann_file='list.txt'), query=dict())
    head = dict(model=dict(cls_head=dict(num_classes=2)))
    for dataset in (
        dict(type='RepeatDataset', times=2, dataset=own),
        dict(type='ConcatDataset', datasets=[own]),
        dict(type='auxskd_mm.GalleryQueryDataset', **both),
    ):
        with pytest.raises(InputError, match='line 2: label 2'):
            check_labeled_lists(Config(dict(head, train_dataloader=dict(dataset=dataset))), ['train'])
    (tmp_path / 'classes.txt').write_text('a\nb\nc\n')
    with pytest.raises(InputError, match=r'names 3 classes, but model.cls_head.num_classes=4; set .*=3'):
        check(tmp_path, 'a.mp4 0\nb.mp4 2\n', num_classes=4)


FINETUNE = CONFIGS / 'examples/finetune_r21d_small.py'


def make_lists(folder, names=('jump', 'run', 'table tennis')):
    (folder / 'lists').mkdir()
    (folder / 'lists/classes.txt').write_text('\n'.join(names) + '\n')
    for i in range(6):
        write_video(folder / f'{i}.mp4', num_frames=34)
    for part in ('train', 'test'):
        (folder / f'lists/{part}.txt').write_text(''.join(f'{folder}/{i}.mp4 {i % 3}\n' for i in range(6)))
    return folder / 'lists'


def test_the_number_of_classes_is_that_of_the_lists(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    make_lists(tmp_path)
    config = load_config(str(FINETUNE))
    assert config.model.cls_head.num_classes == config.num_classes == 3
    check_labeled_lists(config, ['train', 'test'])
    config = load_config(str(FINETUNE), dict(num_classes=7))
    with pytest.raises(InputError, match=r'names 3 classes, but model.cls_head.num_classes=7; set '):
        check_labeled_lists(config, ['train'])
    (tmp_path / 'lists/classes.txt').write_text('jump\nrun\njump\n')
    with pytest.raises(InputError, match='class jump stands in it twice'):
        load_config(str(FINETUNE))


def test_a_damaged_file_of_classes_stops_no_pretraining(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'lists').mkdir()
    (tmp_path / 'lists/classes.txt').write_text('jump\njump\n')
    assert load_config(str(CONFIGS / 'warm_start/vspp_features.py')).num_classes == 2
    with pytest.raises(InputError, match='class jump stands in it twice'):
        load_config(str(CONFIGS / 'warm_start/finetune_features.py'))


TINY = {
    'train_dataloader.num_workers': 0,
    'train_dataloader.persistent_workers': False,
    'train_dataloader.batch_size': 2,
    'test_dataloader.num_workers': 0,
    'train_cfg.max_epochs': 1,
    'model.backbone.base_channels': 2,
    'model.cls_head.in_channels': 16,
}


def test_an_empty_clip_ends_neither_training_nor_test_and_is_not_scored(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    lists = make_lists(tmp_path)
    (tmp_path / '4.mp4').write_bytes(b'')
    ended = call_tool(monkeypatch, capfd, 'train.py', FINETUNE, '--work-dir', tmp_path / 'run', options=TINY)
    assert ended.code == 0, ended.err
    assert f'1 of 6 training videos could not be read:\n  {tmp_path}/4.mp4' in ended.out
    weights = tmp_path / 'run/epoch_1.pth'
    assert torch.load(weights, weights_only=True)['state_dict']['cls_head.fc_cls.weight'].shape[0] == 3
    for evaluator in ('auxskd_mm.MultiClipAccuracy', 'AccMetric'):
        kind = {'test_evaluator.type': evaluator}
        pooled = {'model.cls_head.average_clips': 'prob'} if evaluator == 'AccMetric' else {}
        words = ('test.py', FINETUNE, weights, '--work-dir', tmp_path / 'test')
        ended = call_tool(monkeypatch, capfd, *words, options={**TINY, **kind, **pooled})
        assert ended.code == 0, ended.err
        assert '1 of 6 test videos could not be read and are left out of the score:' in ended.out
        # Of 5 videos: a sixth, counted as a guess, would give sixths.
        top1 = float(re.search(r'acc/top1: ([\d.]+)', ended.out).group(1))
        assert top1 * 5 == pytest.approx(round(top1 * 5), abs=1e-3)
    rows = (lists / 'test.txt').read_text().splitlines()
    (lists / 'test.txt').write_text(''.join(f'{row[:-1]}{int(row[-1]) + 1}\n' for row in rows))
    line = call_tool(monkeypatch, capfd, *words, options=TINY).error_line()
    assert 'the labels go from 1 to 3 and must go from 0 to 2' in line


def test_labels_that_a_gallery_or_a_hook_compares_are_needed(tmp_path):
    (tmp_path / 'list.txt').write_text('a.mp4\nb.mp4\n')
    own = dict(type=THEIRS, ann_file='list.txt', data_root=str(tmp_path))
    both = dict(type='auxskd_mm.GalleryQueryDataset', common=own, gallery={}, query={})
    for config, part in (
        (dict(test_dataloader=dict(dataset=both)), 'test'),
        (dict(custom_hooks=[dict(type='auxskd_mm.KNNHook', gallery=dict(dataset=own))]), 'train'),
    ):
        with pytest.raises(InputError, match=r"list\.txt: line 1 'a\.mp4': no label"):
            check_labeled_lists(Config(config), [part])


@pytest.mark.parametrize('num_classes', [2.0, 'two', 0, True])
def test_a_number_of_classes_that_is_none(tmp_path, num_classes):
    with pytest.raises(
        InputError, match=f'model.cls_head.num_classes={num_classes!r}: expected a whole number from 1 on'
    ):
        check(tmp_path, 'a.mp4 0\nb.mp4 0\n', OURS, num_classes)
