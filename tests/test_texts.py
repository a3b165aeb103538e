"""Text and tables in every encoding: bytes of names kept, the line named that cannot be read."""

import io
import logging
import sys

import pytest

from auxskd_mm.errors import InputError
from auxskd_mm.texts import ERRORS, print_any_name, read_table, read_text, write_table, write_text

ODD = b'caf\xe9 \xff.mp4'.decode('utf-8', ERRORS)


def test_names_of_any_bytes_come_back(tmp_path):
    assert write_text(tmp_path / 'new/names.txt', f'{ODD}\nthé\n').read_bytes() == b'caf\xe9 \xff.mp4\nth\xc3\xa9\n'
    assert read_text(tmp_path / 'new/names.txt', errors=ERRORS) == f'{ODD}\nthé\n'
    write_table(tmp_path / 'groups.csv', [('path', 'group'), (ODD, 'a, "b"'), ('two\nlines', 'c')])
    assert [row for _, row in read_table(tmp_path / 'groups.csv', errors=ERRORS).rows] == [
        dict(path=ODD, group='a, "b"'),
        dict(path='two\nlines', group='c'),
    ]


def test_the_line_that_is_no_utf8(tmp_path):
    (tmp_path / 'a.txt').write_bytes(b'one\ntwo\nth\xe9\n')
    with pytest.raises(InputError, match=r'a\.txt: line 3 is not UTF-8 \(byte 0xe9\); save the file as UTF-8'):
        read_text(tmp_path / 'a.txt')
    with pytest.raises(InputError, match='no such file'):
        read_text(tmp_path / 'b.txt')
    with pytest.raises(InputError, match=r'cannot be read \(Is a directory\)'):
        read_text(tmp_path)


@pytest.mark.parametrize('encoding', ['ascii', 'utf-8', 'latin-1'])
def test_any_name_on_any_terminal_and_in_the_log(encoding, tmp_path, monkeypatch, capsys):
    terminal = io.TextIOWrapper(io.BytesIO(), encoding=encoding, write_through=True)
    monkeypatch.setattr(sys, 'stdout', terminal)
    before = logging.getLogRecordFactory()
    try:
        print_any_name()
        print_any_name()
        print(ODD)
        assert terminal.buffer.getvalue() == b'caf\\udce9 \\udcff.mp4\n'
        handler = logging.FileHandler(tmp_path / 'run.log', encoding='utf-8')
        logger = logging.Logger('names')
        logger.addHandler(handler)
        logger.warning(f'unreadable: {ODD}')
        handler.close()
    finally:
        logging.setLogRecordFactory(before)
    assert (tmp_path / 'run.log').read_text() == 'unreadable: caf\\udce9 \\udcff.mp4\n'
