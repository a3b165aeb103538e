"""No tool writes over a file that it reads, or that it did not write, without being told to."""

import re

import pytest
from tool_runs import CONFIGS, TINY_VSPP, TOOLS, call_tool, tiny_clips

VSPP = CONFIGS / 'demo' / 'vspp_motion.py'
# Each tool with an output: its arguments, and the file that stands in the way.
COMMANDS = {
    'test.py': ([VSPP, 'none', '--dump', 'mine.json'], 'mine.json'),
    'evaluate_features.py': (['g.npz', 'q.npz', '--out', 'mine.json'], 'mine.json'),
    'extract_features.py': ([VSPP, 'none', 'videos', '--out', 'mine.npy'], 'mine.txt'),
    'predict.py': ([VSPP, 'none', 'videos', '--out', 'mine.json'], 'mine.json'),
    'predict.py ': ([VSPP, 'none', 'videos', '--out-dir', 'pictures'], 'pictures/mine.png'),
    'predict.py  ': ([VSPP, 'none', '--timeline', 'videos', '--out', 'mine.json'], 'mine.events.csv'),
    'select_to_label.py': (['videos', '--out', 'mine.csv'], 'mine.png'),
    'analysis/plot_curves.py': (['run', '--out', 'mine.png'], 'mine.png'),
    'analysis/print_config.py': ([VSPP, '--out', 'mine.py'], 'mine.py'),
    'data/check_videos.py': (['videos', '--report', 'mine.csv'], 'mine.csv'),
    'data/check_videos.py ': (['videos', '--good-list', 'mine.txt'], 'mine.txt'),
    'data/make_motion_clips.py': (['clips', '--sheet', 'mine.png'], 'mine.png'),
    'data/prepare_folder.py': (['videos', 'lists'], 'lists/test.txt'),
    'data/prepare_kinetics100.py': (['videos', 'lists'], 'lists/train.txt'),
    'data/prepare_ucf101.py': (['videos', 'annotations', 'lists'], 'lists/val_split2.txt'),
    'data/prepare_hmdb51.py': (['videos', 'annotations', 'lists'], 'lists/classes.txt'),
    'deployment/export.py': ([VSPP, 'none', 'mine.pt2'], 'mine.json'),
    'model_converters/convert_auxskd.py': (['a.pth', 'mine.pth'], 'mine.pth'),
    'model_converters/join_trunk.py': ([VSPP, 'a.pth', 'mine.pth', '--store', 'store'], 'mine.pth'),
    'model_converters/merge_adapters.py': ([VSPP, 'a.pth', 'mine.pth'], 'mine.pth'),
    'visualization/activation.py': ([VSPP, 'none', 'videos', '--out-dir', 'pictures'], 'pictures/mine.png'),
    'visualization/browse_clips.py': ([VSPP, '--out', 'new.png', 'mine.html'], 'mine.html'),
    'visualization/collapse_panel.py': (['run', '--out', 'mine.png'], 'mine.png'),
    'visualization/embedding.py': (['a.npz', '--out', 'mine.png'], 'mine.png'),
    'visualization/pace_confusion.py': ([VSPP, 'none', '--out', 'mine.png'], 'mine.png'),
    'visualization/retrieval_sheet.py': (['a.npz', '--out', 'mine.png'], 'mine.png'),
}
# None, or outputs of their own kind: work dirs, folders with a settings file that is checked, a name made from the content, and
# files of this repository.
OTHERS = {
    'tool_start.py',
    'check_nodes.py',
    'data/pack_videos.py',
    'demo.py',
    'own_videos.py',
    'run_recipe.py',
    'train.py',
    'analysis/analyze_logs.py',
    'analysis/benchmark.py',
    'analysis/check_config.py',
    'analysis/get_flops.py',
    'analysis/publish_model.py',
    'misc/code_figures.py',
    'misc/draw_methods.py',
    'misc/draw_pictures.py',
    'misc/link_ffmpeg.py',
    'misc/make_zoo.py',
    'misc/update_zoo.py',
}


def test_every_tool_is_here():
    there = {str(path.relative_to(TOOLS)) for path in TOOLS.rglob('*.py')}
    assert there == {name.strip() for name in COMMANDS} | OTHERS
    for name in there - OTHERS:
        assert 'add_overwrite(' in (TOOLS / name).read_text(), name


@pytest.mark.parametrize('tool', COMMANDS)
def test_a_foreign_file_stays(tool, tmp_path, monkeypatch, capfd):
    words, name = COMMANDS[tool]
    monkeypatch.chdir(tmp_path)
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_text('mine')
    line = call_tool(monkeypatch, capfd, tool.strip(), *words).error_line()
    assert re.search(r'is there already, and not as this tool wrote it|not as this tool wrote them', line), line
    assert '--overwrite' in line
    assert path.read_text() == 'mine'
    assert [str(file.relative_to(tmp_path)) for file in tmp_path.rglob('*') if file.is_file()] == [name]


def test_names_of_features_do_not_replace_the_list_that_they_come_from(tmp_path, monkeypatch, capfd):
    tiny_clips(tmp_path)
    monkeypatch.chdir(tmp_path)
    options = {key: TINY_VSPP[key] for key in ('model.backbone.base_channels', 'model.cls_head.in_channels')}
    words = ['extract_features.py', VSPP, 'none', 'test.txt', '--num-clips', 1, '--num-workers', 0]
    before = (tmp_path / 'test.txt').read_text()
    for told in ([], ['--overwrite']):
        line = call_tool(monkeypatch, capfd, *words, '--out', 'test.npy', *told, options=options).error_line()
        assert line.startswith('test.txt: is read by this command')
    assert (tmp_path / 'test.txt').read_text() == before
    for _ in range(2):  # the second time over its own output
        ended = call_tool(monkeypatch, capfd, *words, '--out', 'new.npy', options=options)
        assert ended.code == 0, ended.err
    assert len((tmp_path / 'new.txt').read_text().splitlines()) == 4
