"""Every shipped kind of config can be looked at, in every format; bad input gets one line."""

import pytest
from conftest import read_count, write_video
from mmengine.config import Config
from PIL import Image
from tool_runs import CONFIGS, call_tool, tiny_clips

import auxskd_mm.apis.pictures.browse_clips as module
from auxskd_mm.apis.pictures.browse_clips import browse_clips, see_config, take_videos
from auxskd_mm.errors import InputError

TOOL = 'visualization/browse_clips.py'
# Clips that each shows of a video.
METHODS = {'vspp': 1, 'auxskd': 2, 'pace': 1, 'vcop': 3, 'rspnet': 4, 'finetune': 1}


@pytest.fixture(scope='module')
def clips(tmp_path_factory):
    return tiny_clips(tmp_path_factory.mktemp('clips') / 'set')


def config(clips, name):
    loaded = Config.fromfile(CONFIGS / 'demo' / f'{name}_motion.py')
    data = loaded.train_dataloader.dataset
    if name == 'finetune':
        data.data_root = str(clips)
    else:
        data.source = str(clips / 'train')
    return loaded


@pytest.mark.parametrize('name', METHODS)
def test_every_method(clips, tmp_path, name):
    loaded = config(clips, name)
    (sample,) = see_config(loaded, number=1)
    assert len(sample.clips) == METHODS[name]
    heights = [
        Image.open(browse_clips(loaded, tmp_path / f'{before}.png', number=1, before=before)).height
        for before in (False, True)
    ]
    assert heights[1] > 1.5 * heights[0]  # a row more a clip


@pytest.mark.parametrize('name', sorted(path.stem for path in CONFIGS.glob('*_r21d_k100*.py')))
def test_full_size_configs(tmp_path, name):
    loaded = Config.fromfile(CONFIGS / f'{name}.py')
    take_videos(loaded, write_video(tmp_path / 'video.mp4', num_frames=80))
    (sample,) = see_config(loaded, number=1)
    for clip in sample.clips:
        assert clip.frames['input'].shape[1:] == (112, 112, 3)
        assert [read_count(frame) for frame in clip.frames['decoded']] == clip.numbers.tolist()


def test_legend_speaks_of_paced_frames_only_where_there_are_some(clips, tmp_path, monkeypatch):
    titles = []
    monkeypatch.setattr(module, 'draw_clip_sheet', lambda rows, out, title: titles.append(title))
    for name in ('rspnet', 'vcop'):
        browse_clips(config(clips, name), tmp_path / 'x.png', number=1)
    assert ['thick frames' in title for title in titles] == [True, False]
    assert titles[1].startswith('vcop_motion.py, training clips. Frame numbers below. ')


def test_the_command_writes_every_format_of_the_same_clips(clips, tmp_path, monkeypatch, capfd):
    outs = [tmp_path / f'x.{suffix}' for suffix in ('png', 'gif', 'mp4', 'html')]
    words = (CONFIGS / 'demo/auxskd_motion.py', '--videos', clips / 'train', '--number', 1, '--before', '--out', *outs)
    ended = call_tool(monkeypatch, capfd, TOOL, *words)
    assert (ended.code, ended.out.split()) == (0, [str(out) for out in outs]), ended.err
    heads = [out.read_bytes()[:12] for out in outs]
    assert [heads[0][1:4], heads[1][:4], heads[2][4:8], heads[3][:9]] == [b'PNG', b'GIF8', b'ftyp', b'<!DOCTYPE']
    assert 'student view: speed' in outs[3].read_text(encoding='utf-8')


@pytest.mark.parametrize(
    ('words', 'line'),
    [
        (['--out', 'clips.bmp'], 'clips.bmp: expected a file that ends in .png, .gif, .mp4, .html'),
        (['--out', 'taken/clips.png'], 'taken/clips.png: cannot be written'),
        (['--number', '0'], 'number=0: expected at least 1'),
        (['--seed', '-1'], 'seed=-1: expected at least 0'),
        (['--split', 'val'], 'the config has no val_dataloader'),
        (['--videos', 'nowhere'], 'nowhere'),
    ],
)
def test_bad_input(clips, tmp_path, monkeypatch, capfd, words, line):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'taken').write_text('a file where a folder is wanted')
    source = [] if words[0] in ('--videos', '--split') else ['--videos', clips / 'train']
    ended = call_tool(monkeypatch, capfd, TOOL, CONFIGS / 'demo/vspp_motion.py', *words, *source)
    assert line in ended.error_line()
    assert not list(tmp_path.glob('*.png'))


def test_other_videos_for_another_data_set(clips):
    with pytest.raises(InputError, match=r'--videos: train_dataloader\.dataset is no UnlabeledVideoDataset'):
        take_videos(config(clips, 'finetune'), str(clips))
