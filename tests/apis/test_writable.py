"""Writable or not, without leaving a trace."""

import os

import pytest

from auxskd_mm.apis.writable import check_writable
from auxskd_mm.errors import InputError


def test_nothing_is_left_and_nothing_is_lost(tmp_path):
    assert check_writable(str(tmp_path / 'sub' / 'new.txt')) == tmp_path / 'sub' / 'new.txt'
    assert list((tmp_path / 'sub').iterdir()) == []
    (tmp_path / 'old.txt').write_text('kept')
    check_writable(tmp_path / 'old.txt')
    assert (tmp_path / 'old.txt').read_text() == 'kept'


def test_what_cannot_be_written(tmp_path):
    (tmp_path / 'file').touch()
    for path, why in ((tmp_path / 'file' / 'x', os.strerror(20)), (tmp_path, os.strerror(21))):
        with pytest.raises(InputError, match=rf'cannot be written \({why}|cannot be written \(File exists'):
            check_writable(path)
