"""Bad settings of VideoPace, VCOP and RSPNet, and backbones that no head can pool: one line each through tools/train.py."""

from __future__ import annotations

import re

import pytest
from conftest import write_video
from tool_runs import CONFIGS, TINY_VSPP, call_tool

SOURCE = 'train_dataloader.dataset.source'
SAMPLER = 'train_dataloader.dataset.pipeline.1'
TINY = {key: value for key, value in TINY_VSPP.items() if not key.startswith('model.')}
TWO_MAPS = {
    'model.backbone.type': 'ResNet3d',
    'model.backbone.depth': 18,
    'model.backbone.pretrained': None,
    'model.backbone.base_channels': 4,
    'model.backbone.out_indices': '(2,3)',
}
PYTORCHVIDEO = {'model.backbone.type': 'auxskd_mm.PyTorchVideoBackbone', 'model.backbone.model': 'slow_r5'}
# name: (config, overrides, what the line says)
CASES = {
    'tuple_longer_than_every_video': (
        'vcop',
        {f'{SAMPLER}.interval': 20},
        r'.*\.mp4: has 40 frames, but 3 clips of 8 with intervals of 20 span 64; use longer videos, or lower tuple_len',
    ),
    'tuple_of_six': ('vcop', {f'{SAMPLER}.tuple_len': 6}, r'ClipOrderSample\.tuple_len=6: expected 2 to 5 clips'),
    'head_of_six': ('vcop', {'model.cls_head.tuple_len': 6}, r'ClipOrderHead\.tuple_len=6: expected 2 to 5 clips'),
    'head_of_another_length': (
        'vcop',
        {'model.cls_head.tuple_len': 2},
        r"ClipOrderSample draws 6 classes of 'order' .*, but model\.cls_head \(ClipOrderHead\) has 2; give sampler",
    ),
    'one_pace': (
        'pace',
        {f'{SAMPLER}.paces': '[2]'},
        r'PaceSample\.paces=\[2\]: expected at least two to tell apart, e\.g\. \[1, 2, 3, 4\]',
    ),
    'one_pace_in_the_head': ('pace', {'model.cls_head.num_paces': 1}, r'PaceHead\.num_paces=1: expected at least two'),
    'more_paces_than_classes': (
        'pace',
        {'model.cls_head.num_paces': 2},
        r"PaceSample draws 4 classes of 'pace' .*, but model\.cls_head \(PaceHead\) has 2; give sampler",
    ),
    'contrast_without_a_second_view': (
        'pace',
        {'model.cls_head.contrastive': 'same_context'},
        r"PaceHead\.contrastive='same_context' compares clips of one video, .* set PaceSample\(num_views=2\)",
    ),
    'two_maps_for_a_head': (
        'pace',
        TWO_MAPS,
        r'the backbone yields 2 feature maps .* a head pools one: set model\.backbone\.out_indices to a single stage',
    ),
    'two_maps_for_a_model': (
        'rspnet',
        TWO_MAPS,
        r'model\.backbone\.out_indices=\(2, 3\): ResNet3d yields 2 feature maps; set out_indices=\(3,\)',
    ),
    'views_too_short_for_the_speed': (
        'rspnet',
        {'model.speed': 64},
        r'RSPNet: views of 32 frames hold no clip at speed=64; give RelativeSpeedSample max_speed=64',
    ),
    'other_width': (
        'rspnet',
        {'model.head_m.in_channels': 32},
        r'model\.head_m\.in_channels=32: the backbone yields 64 channels; set it to 64',
    ),
    'no_such_network': ('pace', PYTORCHVIDEO, r"model\.backbone\.model='slow_r5': .* did you mean 'slow_r50'\?"),
}


@pytest.fixture(scope='module')
def videos(tmp_path_factory):
    folder = tmp_path_factory.mktemp('videos')
    for i in range(4):
        write_video(folder / f'{i}.mp4', num_frames=40)
    return folder


@pytest.mark.parametrize('name', CASES)
def test_one_line(name, videos, tmp_path, monkeypatch, capfd):
    method, options, says = CASES[name]
    config = CONFIGS / 'demo' / f'{method}_motion.py'
    # So that a sampler's clips fit where the case is about something else.
    fitting = {f'{SAMPLER}.interval': 1} if method == 'vcop' else {}
    options = {**TINY, SOURCE: videos, **fitting, **options}
    ended = call_tool(
        monkeypatch, capfd, 'train.py', config, '--work-dir', tmp_path / 'run', '--seed', 0, options=options
    )
    line = ended.error_line()
    assert re.match(says, line), line
