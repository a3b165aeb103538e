"""Outputs that would replace a tool's inputs, or files that it did not write."""

import argparse
import os
import sys

import pytest

from auxskd_mm.errors import InputError
from auxskd_mm.files import check_writable
from auxskd_mm.launch.outputs import check_folder, check_outputs, mark_outputs

TOLD, NOT_TOLD = argparse.Namespace(overwrite=True), argparse.Namespace(overwrite=False)


@pytest.fixture
def attributes(tmp_path):
    """Whether files here have attributes of their own."""
    (tmp_path / 'probe').write_text('')
    try:
        os.setxattr(tmp_path / 'probe', 'user.probe', b'1')
    except (OSError, AttributeError):
        pytest.skip('no file attributes here')


def test_what_is_read_is_never_written_over(tmp_path):
    path = tmp_path / 'test.txt'
    path.write_text('a.mp4 1')
    (tmp_path / 'link.txt').symlink_to(path)
    for args in (TOLD, NOT_TOLD):
        for name in ('test.txt', 'link.txt', '../' + tmp_path.name + '/test.txt'):
            with pytest.raises(InputError, match=r'test\.txt|link\.txt: is read by this command'):
                check_outputs(args, [tmp_path / name], [path, 'none'])
    assert path.read_text() == 'a.mp4 1'


def test_what_is_there_is_replaced_only_when_told_to(tmp_path):
    path = tmp_path / 'out.png'
    path.write_text('mine')
    with pytest.raises(InputError, match=r'out\.png: is there already, and not as this tool wrote it; .* --overwrite'):
        check_outputs(NOT_TOLD, [None, '', path])
    check_outputs(TOLD, [path])
    mark_outputs()
    with pytest.raises(InputError, match='is there already'):  # told to, but it did not
        check_outputs(NOT_TOLD, [path])
    check_writable('/dev/null', overwrite=False)


def test_a_tool_replaces_its_own_former_output(tmp_path, attributes, monkeypatch):
    path = tmp_path / 'out.png'
    check_outputs(NOT_TOLD, [path])
    path.write_text('first')
    mark_outputs()
    check_outputs(NOT_TOLD, [path])
    with monkeypatch.context() as other:
        other.setattr(sys, 'argv', ['other_tool.py'])
        with pytest.raises(InputError, match='is there already'):
            check_outputs(NOT_TOLD, [path])
    path.write_text('changed by hand')
    with pytest.raises(InputError, match='is there already'):
        check_outputs(NOT_TOLD, [path])


def test_folders_of_pictures(tmp_path, attributes):
    check_folder(NOT_TOLD, tmp_path, '*.png')
    (tmp_path / '0000_a.png').write_text('')
    mark_outputs()
    check_folder(NOT_TOLD, tmp_path, '*.png')
    mark_outputs()
    (tmp_path / 'mine.png').write_text('')
    with pytest.raises(InputError, match=r'holds 1 file\(s\) \*\.png .* such as mine\.png'):
        check_folder(NOT_TOLD, tmp_path, '*.png')
    check_folder(TOLD, tmp_path, '*.png')
    mark_outputs()
    with pytest.raises(InputError, match=r'such as mine\.png'):
        check_folder(NOT_TOLD, tmp_path, '*.png')
