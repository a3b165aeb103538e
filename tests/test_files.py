"""Writable or not, without leaving a trace."""

import errno
import multiprocessing
import os
import time

import pytest

from auxskd_mm import files
from auxskd_mm.errors import InputError, Terminated
from auxskd_mm.files import check_writable


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


def test_a_file_is_replaced_whole(tmp_path):
    path = tmp_path / 'folder' / 'file'
    files.write_atomically(path, b'old')
    files.write_atomically(path, b'new')
    assert path.read_bytes() == b'new'
    assert os.listdir(path.parent) == ['file']


@pytest.mark.parametrize('step', ['fsync', 'replace'])
def test_a_full_disk_leaves_the_old_file_and_one_line(step, tmp_path, monkeypatch):
    path = tmp_path / 'epoch_1.pth'
    files.write_atomically(path, b'old')

    def refuse(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, step, refuse)
    with pytest.raises(
        InputError, match=r'epoch_1\.pth: cannot be written \(No space left on device, .*--resume'
    ) as error:
        files.write_atomically(path, b'new')
    assert '\n' not in str(error.value)
    assert path.read_bytes() == b'old'
    assert os.listdir(tmp_path) == ['epoch_1.pth']


@pytest.mark.parametrize(
    ('count', 'text'),
    [(0, '0 B'), (420, '420 B'), (52_800, '52.8 kB'), (45.1e6, '45.1 MB'), (1e9, '1.0 GB'), (2e13, '20000.0 GB')],
)
def test_sizes_have_the_unit_that_fits(count, text):
    assert files.size_text(count) == text


def test_a_full_disk_says_what_to_do(tmp_path, monkeypatch):
    def refuse(*args):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(files.os, 'fsync', refuse)
    with pytest.raises(InputError, match=r'a\.json: .*\(No space left on device, 2 B\); make room and run the same'):
        files.write_whole(tmp_path / 'a.json', '{}')


def test_a_folder_has_one_writer_who_removes_what_a_killed_one_left(tmp_path):
    kept = ['a.json', '.hidden', 'sub/.1', 'sub/clip.mp4']
    for name in (*kept, '.a.json.123', 'sub/.clip.mp4.7', 'epoch_1.pth.part'):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with files.only_writer(tmp_path):
        assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob('*') if p.is_file()) == sorted(kept)
        with (
            pytest.raises(InputError, match='another process works in it; wait for its end, or give another folder'),
            files.only_writer(tmp_path),
        ):
            pass
    with files.only_writer(tmp_path):
        pass


def test_a_forked_worker_that_lives_on_does_not_keep_the_folder(tmp_path):
    with files.only_writer(tmp_path):
        worker = multiprocessing.get_context('fork').Process(target=time.sleep, args=(60,))
        worker.start()
    try:
        with files.only_writer(tmp_path):
            pass
    finally:
        worker.kill()
        worker.join()


def test_without_locks_a_folder_may_have_another_writer_so_nothing_is_removed(tmp_path, monkeypatch):
    fcntl = pytest.importorskip('fcntl')

    def unsupported(*given):
        raise OSError(errno.ENOLCK, 'No locks available')

    half, folder = tmp_path / '.phase.json.123', tmp_path / '.clips.1'
    half.write_text('half')
    folder.mkdir()
    monkeypatch.setattr(fcntl, 'flock', unsupported)
    with files.only_writer(tmp_path):
        assert half.is_file()
    monkeypatch.undo()
    with files.only_writer(tmp_path):
        assert not half.exists()
    assert folder.is_dir()


def test_the_bytes_are_on_the_disk_before_the_name(tmp_path, monkeypatch):
    calls = []
    for name in ('fsync', 'replace'):
        real = getattr(os, name)
        monkeypatch.setattr(files.os, name, lambda *args, name=name, real=real: (calls.append(name), real(*args))[1])
    files.write_atomically(tmp_path / 'file', b'x')
    assert calls == ['fsync', 'replace', 'fsync']


@pytest.mark.parametrize('stop', [KeyboardInterrupt, Terminated])
def test_a_signal_while_the_file_is_opened_leaves_no_file(stop, tmp_path, monkeypatch):
    def interrupted(path, mode):
        open(path, mode).close()  # the signal comes before the file has its block
        raise stop

    monkeypatch.setattr(files, 'open', interrupted, raising=False)
    with pytest.raises(stop):
        files.write_whole(tmp_path / 'a.json', 'text')
    assert os.listdir(tmp_path) == []


def test_a_link_into_a_missing_folder_stays(tmp_path):
    link = tmp_path / 'link.json'
    link.symlink_to(tmp_path / 'gone' / 'a.json')
    with pytest.raises(InputError, match='cannot be written'):
        check_writable(link)
    assert link.is_symlink()


def test_text_is_written_whole_and_an_error_is_one_line(tmp_path, monkeypatch):
    path = files.write_whole(tmp_path / 'sub' / 'a.json', 'grün')
    assert path.read_bytes() == 'grün'.encode()
    with pytest.raises(TypeError), files.WholeFile(path) as whole:
        whole.file.writelines([b'half', 'text'])
    assert os.listdir(path.parent) == ['a.json']
    with pytest.raises(InputError, match=r'x\.json: cannot be written \(File exists, 0 B\)$'):
        files.write_whole(path / 'x.json', '')
