"""Bad input through the tools: one clear line and exit code 1, and one bad video among many does not end a run."""

from __future__ import annotations

import re

import pytest
import torch
from conftest import write_video
from tool_runs import CONFIGS, TINY_AUXSKD, TINY_TEST, TINY_VSPP, start_tool

from auxskd_mm.models.backbones import R3DVCOP
from auxskd_mm.models.heads import VSPPHead

VSPP = CONFIGS / 'demo' / 'vspp_motion.py'
AUXSKD = CONFIGS / 'demo' / 'auxskd_motion.py'
SOURCE = 'train_dataloader.dataset.source'
SAMPLER = 'train_dataloader.dataset.pipeline.1'


@pytest.fixture(scope='module')
def videos(tmp_path_factory):
    """Folder of five videos that can be read."""
    folder = tmp_path_factory.mktemp('videos')
    for i in range(5):
        write_video(folder / f'good_{i}.mp4', num_frames=24)
    return folder


@pytest.fixture
def train(call, videos, tmp_path):
    """Run tools/train.py on the videos, in this process; returns how it ended."""

    def run(config=VSPP, options=(), words=()):
        tiny = TINY_AUXSKD if config == AUXSKD else TINY_VSPP
        options = {**tiny, SOURCE: videos, **dict(options)}
        return call('train.py', config, '--work-dir', tmp_path / 'run', *words, options=options)

    return run


LISTS = {
    'missing': (
        None,
        r'no such file or folder, but train_dataloader.dataset.source asks for it; make lists of your videos with '
        r'`python tools/data/prepare_folder.py VIDEOS \S+`, or set that key to a folder of videos, a glob or a list file',
    ),
    'empty': ('# only a comment\n\n', r'the list is empty; expected one video per line'),
    'ambiguous': ('a.mp4 12\nb.mp4 14\n', r"line 1 'a.mp4 12': ambiguous: .* set list_format='path label' or"),
    'mixed': ('good_0.mp4 1\ngood_1.mp4\n', r"line 2 'good_1.mp4': 1 columns, but line 1 has 2; .* split it or mend"),
    'five_columns': ('good_0.mp4 1 2 3 4\n', r"line 1 'good_0.mp4 1 2 3 4': expected 1 to 4 columns .*, found 5"),
    'elsewhere': ('a.mp4\nb.mp4\n', r'none of its first 2 videos exists \(looked for .*/a\.mp4\); set data_prefix'),
}


@pytest.mark.parametrize('kind', LISTS)
def test_lists(kind, train, tmp_path):
    text, says = LISTS[kind]
    path = tmp_path / 'videos.txt'
    if text is not None:
        path.write_text(text)
    line = train(options={SOURCE: path}).error_line()
    assert re.match(re.escape(f'{path}: ') + says, line), line


OPTIONS = {
    'unknown_key': ({'trian_cfg.max_epochs': 1}, r"--cfg-options: .* key 'trian_cfg'; did you mean 'train_cfg'\?"),
    'unknown_head_key': ({'model.cls_head.foo': 1}, r"unknown config key: VSPPHead.* unexpected .* 'foo'"),
    'unknown_transform_key': ({f'{SAMPLER}.foo': 1}, r"unknown config key: SegmentPaceSample.* unexpected .* 'foo'"),
    'unknown_hook': (
        {'default_hooks.loger.interval': 1},
        r'an entry .* has no type; is its key misspelt\?',
    ),
    'index': (
        {'train_dataloader.dataset.pipeline.99.size': 1},
        r'--cfg-options train_dataloader\.dataset\.pipeline\.99\.size: 99 is no place in a list of 7$',
    ),
    'key_of_a_value': (
        {'log_level.x': 1},
        r"--cfg-options log_level\.x: log_level is 'INFO', which has no entries; write log_level:=\{.* instead$",
    ),
    'unknown_model': ({'model.type': 'Recogniser3D'}, r'unknown type in the config: Recogniser3D is not in the'),
    'unknown_head': ({'model.cls_head.type': 'auxskd_mm.VSPHead'}, r'unknown type in the config: auxskd_mm.VSPHead'),
    'unknown_optimizer': ({'optim_wrapper.optimizer.type': 'Adamm'}, r"optim_wrapper.optimizer.type='Adamm': unknown;"),
    'mode': ({f'{SAMPLER}.mode': 'fitt'}, r"SegmentPaceSample.mode='fitt': expected 'faithful', 'fit' or 'pecop'"),
    'segments': ({f'{SAMPLER}.num_segments': 0}, r'SegmentPaceSample.num_segments=0: .* at least 1'),
}


@pytest.mark.parametrize('kind', OPTIONS)
def test_overrides(kind, train):
    options, says = OPTIONS[kind]
    line = train(options=options).error_line()
    assert re.match(says, line), line


def test_settings_of_the_auxiliary_phase(train):
    line = train(AUXSKD, {'model.queue_size': 3}).error_line()
    assert re.match(r'model.queue_size=3 is smaller than the batch of 4 x 1 .*; raise queue_size or lower', line), line
    line = train(AUXSKD, {f'{SAMPLER}.num_segments': 1}).error_line()
    assert re.match(r'SegmentPaceSample.num_segments=1: 2 view\(s\) need at least 2', line), line


CONFIG_FILES = {
    'missing': (None, r'{path}: no such config file'),
    'no_python': ('model = dict(\n', r"{path}: line 1 is not Python \('\(' was never closed\)"),
    'misspelt': (
        "optim_wraper = dict(type='OptimWrapper')\n",
        r"{path}: .*'optim_wraper'; did you mean 'optim_w",
    ),
    'import': ("custom_imports = dict(imports=['not_there'])\n", r"{path}: Failed to import .*'not_there'"),
    'base': ("_base_ = 'auxskd_mm::not_there.py'\n", r'file ".*configs/not_there\.py" does not exist'),
}


@pytest.mark.parametrize('kind', CONFIG_FILES)
def test_configs(kind, call, tmp_path):
    text, says = CONFIG_FILES[kind]
    path = tmp_path / 'config.py'
    if text is not None:
        path.write_text(text)
    line = call('train.py', path).error_line()
    assert re.match(says.replace('{path}', re.escape(str(path))), line), line


def test_packaged_configs_that_are_not_there(call):
    line = call('train.py', 'auxskd_mm::not_there.py').error_line()
    assert line == 'auxskd_mm::not_there.py: no such config file'
    assert 'not_a_package::a/b.py: ' in call('train.py', 'not_a_package::a/b.py').error_line()


@pytest.fixture(scope='module')
def other_network(tmp_path_factory):
    """Checkpoint of a recogniser with the same head on another backbone."""
    path = tmp_path_factory.mktemp('other') / 'r3d.pth'
    parts = dict(backbone=R3DVCOP(base_channels=2), cls_head=VSPPHead(in_channels=16))
    state = {f'{name}.{key}': tensor for name, part in parts.items() for key, tensor in part.state_dict().items()}
    torch.save(dict(state_dict=state), path)
    return path


def test_checkpoints_of_another_network(train, other_network, videos, tmp_path):
    says = r': only (\d+) of (\d+) {} tensors fit \(missing backbone\..*; the file has backbone\..*another network'
    line = train(options={'load_from': other_network}).error_line()
    match = re.match(re.escape(str(other_network)) + says.format('backbone'), line)
    assert match is not None, line
    assert int(match[1]) < int(match[2])
    # A real process: nothing else may be printed by what is torn down after the line.
    options = {**TINY_VSPP, **TINY_TEST, 'test_dataloader.dataset.source': videos}
    line = start_tool('test.py', VSPP, other_network, options=options, cwd=tmp_path).error_line()
    assert re.match(re.escape(str(other_network)) + says.format('model'), line), line


@pytest.mark.parametrize('kind', ['missing', 'cut', 'empty', 'text'])
@pytest.mark.parametrize('use', ['load_from', 'resume', 'test'])
def test_missing_and_damaged_checkpoints(kind, use, train, call, other_network, videos, tmp_path):
    path = tmp_path / 'weights.pth'
    whole = other_network.read_bytes()
    contents = dict(cut=whole[: len(whole) // 2], empty=b'', text=b'not found')
    if kind in contents:
        path.write_bytes(contents[kind])
    if use == 'test':
        options = {**TINY_VSPP, **TINY_TEST, 'test_dataloader.dataset.source': videos}
        ended = call('test.py', VSPP, path, '--work-dir', tmp_path / 'run', options=options)
    elif use == 'resume':
        ended = train(words=['--resume', path])
    else:
        ended = train(options={'load_from': path})
    says = 'no such checkpoint file' if kind == 'missing' else r'not a checkpoint of torch, or damaged \(\d+ bytes\)'
    assert re.match(re.escape(f'{path}: ') + says, ended.error_line())


def test_no_readable_video_in_a_process_with_a_loader_worker(tmp_path):
    for i in range(3):
        (tmp_path / f'{i}.mp4').touch()
    options = {**TINY_VSPP, SOURCE: tmp_path, 'train_dataloader.num_workers': 1, 'train_dataloader.batch_size': 2}
    line = start_tool('train.py', VSPP, options=options, cwd=tmp_path).error_line()
    assert re.match(r'2 of \d videos tried cannot be read, more than max_bad_share=0.1 of 3 allows; last: ', line), line
    assert line.endswith('.mp4: the file is empty (0 bytes)')


def cut_in_half(path):
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def truncated(path):
    write_video(path)
    cut_in_half(path)


def truncated_behind_its_index(path):
    write_video(path, num_frames=48, options=dict(container=dict(movflags='faststart')))
    cut_in_half(path)


BAD_VIDEOS = {
    'truncated': (truncated, 'cannot be opened as a video'),
    'truncated_behind_its_index': (truncated_behind_its_index, r'is truncated: its header promises 48 frames'),
    'zero_byte': (lambda path: path.touch(), r'the file is empty \(0 bytes\)'),
    'zero_frames': (lambda path: write_video(path, num_frames=0), 'holds no frames'),
    'audio_only': (lambda path: write_video(path, audio_only=True), r'holds no video stream \(only audio\)'),
    'text': (lambda path: path.write_text('<html>404</html>\n' * 50), 'cannot be opened as a video'),
}


@pytest.mark.parametrize('kind', BAD_VIDEOS)
def test_one_bad_video_does_not_end_a_run(kind, train, videos, tmp_path):
    folder = tmp_path / 'videos'
    folder.mkdir()
    for path in videos.iterdir():
        (folder / path.name).symlink_to(path)
    write, reason = BAD_VIDEOS[kind]
    bad = folder / 'bad.mp4'
    write(bad)
    ended = train(options={SOURCE: folder, 'train_dataloader.batch_size': 3})
    assert ended.code == 0, ended.err
    said = re.findall(rf'unreadable video left out: {re.escape(str(bad))}: (.*)', ended.out)
    assert len(said) == 1, ended.out
    assert re.search(reason, said[0]), said[0]
    assert f'1 of 6 training videos could not be read:\n  {bad}' in ended.out
    assert torch.load(tmp_path / 'run' / 'epoch_1.pth', weights_only=True)['meta']['iter'] == 2


def test_a_video_shorter_than_the_clip_is_used(train, tmp_path):
    for i in range(4):
        write_video(tmp_path / f'{i}.mp4', num_frames=5)  # the clip has 16
    ended = train(options={SOURCE: tmp_path})
    assert ended.code == 0, ended.err
    assert 'could not be read' not in ended.out
    assert torch.load(tmp_path / 'run' / 'epoch_1.pth', weights_only=True)['meta']['iter'] == 1
