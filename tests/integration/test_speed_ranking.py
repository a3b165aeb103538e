"""Speed ranking end to end: a batch learnt by heart, and the tools with a config of it."""

import copy
import json

import numpy as np
import pytest
import torch
from conftest import write_video
from mmaction.registry import MODELS
from mmengine.dataset import pseudo_collate
from mmengine.optim import OptimWrapper
from tool_runs import CONFIGS, TINY_TEST, TINY_VSPP, call_tool, tiny_clips

from auxskd_mm.apis.pictures import pretext_confusion
from auxskd_mm.datasets import UnlabeledVideoDataset
from auxskd_mm.evaluation import SpeedRankMetric

SAMPLERS = {
    'pace': dict(type='auxskd_mm.PaceSample', clip_len=16, paces=(2, 1, 3), num_views=3, mode='fit', seed=0),
    'segment_pace': dict(
        type='auxskd_mm.SegmentPaceSample',
        clip_len=16,
        num_segments=2,
        speeds=(1, 2, 4),
        num_views=3,
        distinct_segments=False,
        mode='fit',
        seed=0,
    ),
}


@pytest.mark.parametrize('name', SAMPLERS)
def test_a_recogniser_learns_a_batch_by_heart(name, tmp_path):
    torch.manual_seed(0)
    for i in range(4):
        write_video(tmp_path / f'{i}.mp4', num_frames=48)
    pipeline = [
        dict(type='auxskd_mm.OpenVideo'),
        SAMPLERS[name],
        dict(type='auxskd_mm.DecodeClips'),
        dict(type='auxskd_mm.PerView', transforms=[dict(type='RandomCrop', size=32)]),
        dict(type='FormatShape', input_format='NCTHW'),
        dict(type='PackActionInputs', algorithm_keys=('clip_speed', 'segment_label'), meta_keys=('filename',)),
    ]
    dataset = UnlabeledVideoDataset(str(tmp_path), pipeline=pipeline, test_mode=True)
    batch = pseudo_collate([dataset[i] for i in range(4)])
    segments = SAMPLERS[name].get('num_segments', 1)
    model = MODELS.build(
        dict(
            type='Recognizer3D',
            backbone=dict(type='auxskd_mm.C3DBN', base_channels=4),
            cls_head=dict(type='auxskd_mm.SpeedRankHead', in_channels=32, num_views=3, num_segments=segments),
            data_preprocessor=dict(type='auxskd_mm.ClipDataPreprocessor', mean=[127.5] * 3, std=[64.0] * 3),
        )
    )
    model.train()
    optimizer = OptimWrapper(torch.optim.Adam(model.parameters(), lr=3e-3))
    losses = ['loss_rank'] + ['loss_segment_rank'] * (segments > 1)
    for _ in range(30):
        last = model.train_step(copy.deepcopy(batch), optimizer)
    assert [key for key in last if key.startswith('loss_')] == losses
    assert torch.allclose(last['loss'], sum(last[key] for key in losses))
    # Guessing costs 1, the margin.
    assert all(last[key] < 0.3 for key in losses), last
    assert last['pair_acc'] == 1.0

    model.eval()
    samples = model.test_step(copy.deepcopy(batch))
    metric = SpeedRankMetric()
    metric.process(None, [sample.to_dict() for sample in samples])
    by_hand = [
        [sample.speed_score[i] > sample.speed_score[j] for i in range(3) for j in range(3) if faster(sample, i, j)]
        for sample in samples
    ]
    assert [len(pairs) for pairs in by_hand] == [3] * 4
    assert metric.evaluate(4)['rank/pair_acc'] == pytest.approx(np.mean(by_hand))


def faster(sample, i, j):
    return sample.clip_speed[i] > sample.clip_speed[j]


def test_the_config_goes_through_the_tools(tmp_path, monkeypatch, capfd):
    clips = tiny_clips(tmp_path / 'clips')
    monkeypatch.chdir(tmp_path)
    config = CONFIGS / 'demo' / 'vspp_rank_motion.py'
    options = {**TINY_VSPP, **TINY_TEST, 'data_root': clips}
    drawn = []
    real = pretext_confusion.draw_confusion
    monkeypatch.setattr(pretext_confusion, 'draw_confusion', lambda *args: drawn.append(args[:2]) or real(*args))

    def call(tool, *words, code=0, **more):
        ended = call_tool(monkeypatch, capfd, tool, *words, **more)
        assert ended.code == code, ended.out + ended.err
        return ended.error_line() if code else ended.out + ended.err

    call('train.py', config, '--work-dir', 'run', options=options)
    weights, own = tmp_path / 'run' / 'epoch_1.pth', tmp_path / 'run' / config.name
    text = call('test.py', own, weights, '--work-dir', 'test', '--dump', 'dump.json', options=options)
    assert '8 videos of 3 clips' in text
    assert 'rank/segment_pair_acc' in text

    text = call('analysis/check_config.py', own)
    assert 'speed ranking, after TransRank' in text
    assert 'fastest 1 x 3, segment 3 x 4' in text

    videos = clips / 'test'
    line = call('predict.py', own, weights, videos, code=1)
    assert line == "SpeedRankHead tells which clip of a video plays fastest: ask it with question='task'"
    call('predict.py', own, weights, videos, '--question', 'task', '--out', 'answers.json', '--out-dir', 'p')
    one = json.loads((tmp_path / 'answers.json').read_text())['predictions'][0]
    assert list(one['fastest']['probabilities']) == [f'clip {i}' for i in (1, 2, 3)]
    assert len(one['fastest']['truth']) == 1
    assert len(one['segment']['truth']) == 3

    for words in ([weights, '--num-workers', '0'], ['--dump', 'dump.json']):
        call('visualization/pace_confusion.py', own, *words, '--out', 'confusion.png')
    for tables, _ in drawn:
        assert {title: int(table.sum()) for title, table in tables.items()} == {
            'fastest (n = 8)': 8,
            'segment (n = 24)': 24,
        }
    call('visualization/browse_clips.py', own, '--number', '1', '--out', 'clips.png')
    call('visualization/activation.py', own, weights, next(videos.rglob('*.mp4')), '--out-dir', 'maps')
    assert 'cls_head:' in call('analysis/get_flops.py', own)
    call('deployment/export.py', own, weights, 'net.pt2')
    note = json.loads((tmp_path / 'net.json').read_text())
    assert list(note['outputs']) == ['fastest', 'segment']
