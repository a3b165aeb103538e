"""Frame rates of a set: their spread, when a rate is proposed, and what the tools print."""

import runpy

import cv2
import numpy as np
import pytest
from conftest import write_video
from dot_scene import SOURCES, write_scene
from tool_runs import CONFIGS, TOOLS, command_line_of, tool_start

from auxskd_mm.datasets.preparation.frame_rates import FrameRate, describe_rates, read_frame_rates, spread_of


def rates(*fps, varies=False):
    return [FrameRate(one, varies) for one in fps]


@pytest.mark.parametrize(
    ('found', 'groups', 'proposed'),
    [
        (rates(25.0, 25.0, 25.0), [(25.0, 3)], None),
        (rates(30.0, 29.97, 30000 / 1001), [(29.97, 3)], None),  # one rate
        (rates(60.0, 24.0, 30.0, 24.0), [(24.0, 2), (30.0, 1), (60.0, 1)], 24.0),
        (rates(23.976, 30.0), [(23.976, 1), (30.0, 1)], 24.0),
        (rates(12.5, 30.0), [(12.5, 1), (30.0, 1)], 12.5),
        (rates(30.0) + rates(30.0, varies=True), [(30.0, 2)], 30.0),
        # One slow video among a hundred does not slow down all.
        (rates(5.0, *[25.0] * 60, *[50.0] * 39), [(5.0, 1), (25.0, 60), (50.0, 39)], 25.0),
        (rates(*[5.0] * 5, *[25.0] * 95), [(5.0, 5), (25.0, 95)], 25.0),
        (rates(*[5.0] * 6, *[25.0] * 94), [(5.0, 6), (25.0, 94)], 5.0),
        (rates(25.0, 25.5), [(25.25, 2)], None),
        (rates(25.0, 25.51), [(25.0, 1), (25.51, 1)], 25.0),
        (rates(24.5, 30.0), [(24.5, 1), (30.0, 1)], 24.5),  # 2.04 % from 24
        (rates(25.51, 30.0), [(25.51, 1), (30.0, 1)], 26.0),
        (rates(12.346, 30.0), [(12.346, 1), (30.0, 1)], 12.35),
        (rates(23.4567, 60.0), [(23.457, 1), (60.0, 1)], 23.0),
        (rates(0.5, 0.75), [(0.5, 1), (0.75, 1)], 0.5),
        (rates(0.004, 0.75), [(0.004, 1), (0.75, 1)], 0.004),
        (rates(None, varies=True), [], None),  # a reader of another package may know the times alone
        (rates(None, 25.0), [(25.0, 1)], None),
        (rates(None), [], None),
        ([], [], None),
    ],
)
def test_spread(found, groups, proposed):
    spread = spread_of(found)
    assert [(round(fps, 3), count) for fps, count in spread.rates] == groups
    assert spread.proposed == proposed
    assert spread.unknown == sum(rate.fps is None for rate in found)


def test_words():
    assert describe_rates(spread_of([])) == []
    assert describe_rates(spread_of(rates(25.0, 25.0))) == ['frames per second: 2 at 25']
    lines = describe_rates(spread_of(rates(24.0, 60.0, None)))
    assert lines[0] == 'frames per second: 1 at 24, 1 at 60, 1 unknown'
    assert lines[1].startswith('warning: if frames are counted, the same speed differs by 2.5 times between videos; ')
    close = describe_rates(spread_of([FrameRate(24, False), FrameRate(25, False)]))
    assert 'the same speed differs by 1.04 times between videos' in close[1]
    assert len(close) == 2  # no word of source_fps
    assert 'set fps=24 of the samplers' in lines[1]
    assert lines[2].endswith('source_fps of OpenVideo')
    lines = describe_rates(spread_of(rates(30.0, varies=True)))
    assert lines[1] == 'the distance of the frames varies in 1 videos'
    assert 'a speed is not constant within a video' in lines[2]
    six = describe_rates(spread_of(rates(*range(10, 40, 5))))[0]
    assert six == 'frames per second: ' + ', '.join(f'1 at {fps}' for fps in range(10, 40, 5))
    many = describe_rates(spread_of(rates(*range(10, 60, 5), 30.0, 30.0)))[0]
    assert many == 'frames per second: 1 at 10, 1 at 15, 1 at 20, 3 at 30, 6 at others from 25 to 55'


@pytest.fixture
def tool(monkeypatch, capsys):
    """What a tool of tools/data prints, after a check of its exit code. It runs without the end of a process."""

    def run(name, *words, code=0, **options):
        path = str(TOOLS / 'data' / name)
        monkeypatch.setattr('sys.argv', [path, *command_line_of(words, options)])
        module = runpy.run_path(path)
        ended: object = 0
        try:
            module['main'](tool_start.read_overrides(module['parse_args']()))
        except SystemExit as end:
            ended = end.code
        assert ended == code
        return capsys.readouterr().out

    return run


@pytest.fixture
def folder(tmp_path):
    """Two classes: the scene at 24, 60 and varying frames per second, and a frame folder."""
    root = tmp_path / 'videos'
    (root / 'a').mkdir(parents=True)
    (root / 'b' / 'images').mkdir(parents=True)
    write_scene(root / 'a' / 'slow.mp4', SOURCES['24'])
    write_scene(root / 'b' / 'fast.mp4', SOURCES['60'])
    write_scene(root / 'a' / 'phone.mp4', SOURCES['varying'])
    for i in range(20):
        cv2.imwrite(str(root / 'b' / 'images' / f'{i}.png'), np.full((8, 12, 3), i, np.uint8))
    return root


def test_rates_are_read_without_decoding(folder):
    paths = [str(folder / name) for name in ('a/slow.mp4', 'b/fast.mp4', 'a/phone.mp4', 'b/images')]
    found = read_frame_rates([*paths, str(folder / 'none.mp4')], 10)
    assert [rate.varies for rate in found] == [False, False, True, False]
    assert [rate.fps and round(rate.fps) for rate in found] == [24, 60, 31, None]
    assert len(read_frame_rates(paths, 2)) == 2


def test_the_tools_warn_and_name_the_setting(folder, tmp_path, tool):
    said = tool('check_videos.py', folder, '--report', tmp_path / 'r.csv', '--workers', 1)
    prepared = tool('prepare_folder.py', folder, tmp_path / 'lists', '--compare', 0)
    for text in (said, prepared):
        assert 'frames per second: 1 at 24.15, 1 at 30.63, 1 at 60, 1 unknown' in text
        assert 'set fps=24 of the samplers (--cfg-options fps=24' in text
    header, *rows = (tmp_path / 'r.csv').read_text().splitlines()
    assert header.endswith(',varies')
    assert sorted(row.rpartition(',')[2] for row in rows) == ['False', 'False', 'False', 'True']
    quiet = tool('prepare_folder.py', folder, tmp_path / 'q', '--compare', 0, '--frame-rates', 0)
    assert 'frames per second' not in quiet


def test_short_is_counted_at_the_rate_of_a_config(tmp_path, tool):
    write_video(tmp_path / 'slow.mp4', num_frames=40, fps=10)
    write_video(tmp_path / 'fast.mp4', num_frames=40, fps=60)
    words = tmp_path, '--report', tmp_path / 'r.csv', '--workers', 1, '--overwrite', '--config'
    config = CONFIGS / 'examples/vspp_r21d_small.py'
    said = tool('check_videos.py', *words, config, code=3, fps=10)
    assert 'frames at 10 per second, which a clip of SegmentPaceSample spans' in said
    assert 'fast.mp4: 6 frames at 10 per second, fewer than' in said
    assert '1 ok, 0 bad, 1 short' in said
    assert '2 ok' in tool('check_videos.py', *words, config, fps=None)
