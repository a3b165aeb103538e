"""A folder yields each of its videos once whatever leads to it, waits for nothing, and says what was left out."""

import logging
import os
import shutil
import socket
from pathlib import Path

import cv2
import numpy as np
import pytest
from backends import USABLE
from conftest import write_video

from auxskd_mm.datasets import UnlabeledVideoDataset, walk
from auxskd_mm.datasets.suffixes import VIDEO_SUFFIXES
from auxskd_mm.datasets.walk import find_by_glob, walk_videos
from auxskd_mm.errors import InputError, VideoReadError


def touch(folder, *names):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def found(folder, pattern=None):
    result = walk_videos(str(folder)) if pattern is None else find_by_glob(f'{folder}/{pattern}')
    return [os.path.relpath(path, folder) for path in result.paths]


@pytest.fixture
def loops(tmp_path):
    """Two videos; both folders hold a link to their parent, and one folder has a second name."""
    touch(tmp_path, 'a/1.mp4', 'b/2.mp4')
    (tmp_path / 'a' / 'up').symlink_to('..')
    (tmp_path / 'b' / 'up').symlink_to('..')
    (tmp_path / '0').symlink_to('b')
    return tmp_path


@pytest.mark.parametrize('pattern', [None, '**/*.mp4', '**', '*/*.mp4', '**/**/*.mp4'])
def test_links_to_a_parent_give_each_video_once_under_its_own_path(loops, pattern):
    assert found(loops, pattern) == ['a/1.mp4', 'b/2.mp4']


def test_a_linked_folder_is_searched(tmp_path):
    touch(tmp_path, 'elsewhere/c/1.mp4', 'videos/b/2.mp4')
    (tmp_path / 'videos' / 'a').symlink_to(tmp_path / 'elsewhere')
    (tmp_path / 'videos' / 'same.mp4').symlink_to('b/2.mp4')
    assert found(tmp_path / 'videos') == ['same.mp4', 'a/c/1.mp4', 'b/2.mp4']
    assert found(tmp_path / 'videos', '**/*.mp4') == ['a/c/1.mp4', 'b/2.mp4', 'same.mp4']


def test_the_order_is_that_of_a_walk_from_the_top(tmp_path):
    touch(tmp_path, 'b/z.mp4', 'b/a/1.mp4', 'a-b/1.mp4', 'a/9.mp4', 'a/10.mp4', 'a/f/1.jpg', 'z.mp4')
    expected = []
    for parent, folders, files in os.walk(tmp_path):  # a second way
        folders.sort()
        expected += [os.path.join(parent, name) for name in sorted(files) if name.endswith('.mp4')]
        expected += [parent] if '1.jpg' in files else []
    assert walk_videos(str(tmp_path)).paths == expected
    assert found(tmp_path) == ['z.mp4', 'a/10.mp4', 'a/9.mp4', 'a/f', 'a-b/1.mp4', 'b/z.mp4', 'b/a/1.mp4']


@pytest.fixture
def odd(tmp_path, monkeypatch):
    """One video beside a pipe, a socket, a device, broken links and other files, all with names of videos."""
    write_video(tmp_path / 'good.mp4')
    os.mkfifo(tmp_path / 'pipe.mp4')
    (tmp_path / 'device.mp4').symlink_to('/dev/zero')
    (tmp_path / 'broken.mp4').symlink_to('nowhere.mp4')
    (tmp_path / 'itself.mp4').symlink_to('itself.mp4')
    monkeypatch.chdir(tmp_path)  # a socket's path must be short
    with socket.socket(socket.AF_UNIX) as connection:
        connection.bind('socket.mp4')
    return tmp_path


@pytest.mark.parametrize('pattern', [None, '*.mp4'])
def test_only_regular_files_count(odd, pattern):
    assert found(odd, pattern) == ['good.mp4']
    summary = (walk_videos(str(odd)) if pattern is None else find_by_glob(f'{odd}/{pattern}')).summary()
    assert summary == (
        f'broken links: 2 (such as {odd}/broken.mp4); pipes, sockets or devices: 3 (such as {odd}/device.mp4)'
    )


@pytest.mark.parametrize('name', ['pipe.mp4', 'socket.mp4', 'device.mp4'])
def test_a_pipe_that_is_named_itself_is_refused_and_not_waited_for(odd, name):
    with pytest.raises(InputError, match=f'{name}: a pipe, socket or device; give a regular file'):
        UnlabeledVideoDataset(f'{odd}/{name}')
    (odd / 'list.txt').write_text(f'good.mp4\n{name}\n')
    sample = UnlabeledVideoDataset(f'{odd}/list.txt').get_data_info(1)['filename']
    from auxskd_mm.datasets.preparation.video_check import check_video
    from auxskd_mm.datasets.readers import open_reader

    for backend in USABLE:
        with pytest.raises(VideoReadError, match='a pipe, socket or device, and no regular file'):
            open_reader(sample, backend=backend)
    assert check_video(sample).reason == 'a pipe, socket or device, and no regular file'


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    touch(tmp_path, 'a/1.mp4', 'closed/2.mp4')
    scandir = os.scandir

    def refuse(path):  # root may read everything
        if str(path).endswith('closed'):
            raise PermissionError(13, 'Permission denied', path)
        return scandir(path)

    monkeypatch.setattr(walk.os, 'scandir', refuse)
    assert found(tmp_path) == ['a/1.mp4']
    assert walk_videos(str(tmp_path)).summary() == (
        f'folders that cannot be read: 1 (such as {tmp_path}/closed: Permission denied)'
    )
    with pytest.raises(
        InputError, match=r'no videos .*; left out folders that cannot be read: 1 \(such as .*closed: Per'
    ):
        UnlabeledVideoDataset(f'{tmp_path}/closed')


def test_other_files_are_counted_by_suffix_and_said_once(tmp_path, caplog, monkeypatch):
    touch(tmp_path, 'a.mp4', 'a.TXT', 'b/a.txt', 'c.pdf', 'README', '._a.mp4', '.git/x.mp4', 'b/cover.jpg', 'b/2.mp4')
    lines = []
    monkeypatch.setattr(walk, 'print_log', lambda line, **_: lines.append(line))
    for _ in range(2):
        UnlabeledVideoDataset(tmp_path)
    assert lines == [
        f'{tmp_path}: left out 2 .txt, 1 .jpg, 1 .pdf, 1 without suffix; '
        f'hidden files or folders: 2 (such as {tmp_path}/._a.mp4)'
    ]


@pytest.mark.parametrize(
    'suffix',
    ['.mts', '.m2ts', '.ogv', '.vob', '.mxf', '.asf', '.gif', '.M2TS', '.f4v', '.3g2', '.rmvb', '.y4m', '.mjpeg'],
)
def test_the_containers_of_cameras_and_discs_are_videos(tmp_path, suffix):
    path = f'{touch(tmp_path, f"a{suffix}")}/a{suffix}'
    for source in (tmp_path, path, f'{tmp_path}/*'):
        dataset = UnlabeledVideoDataset(str(source))
        assert [dataset.get_data_info(i)['filename'] for i in range(len(dataset))] == [path]


def test_suffixes_are_in_one_place():
    package = Path(walk.__file__).parents[1]
    holders = [path.name for path in package.rglob('*.py') if "'.mp4', '.avi'" in path.read_text()]
    assert holders == ['suffixes.py']
    assert len(set(VIDEO_SUFFIXES)) == len(VIDEO_SUFFIXES)


def test_a_video_of_an_unknown_suffix_can_be_named_itself(tmp_path):
    for name in ('clip', 'clip.bin', '-', 'concat:a'):
        shutil.copy(write_video(tmp_path / 'v.mp4'), tmp_path / name)
        assert UnlabeledVideoDataset(f'{tmp_path}/{name}').get_data_info(0)['filename'] == f'{tmp_path}/{name}'


def test_a_picture_beside_class_folders_makes_no_video_of_their_parent(tmp_path):
    touch(tmp_path, 'poster1.jpg', 'poster2.jpg', 'run/1.mp4', 'jump/f/img_1.jpg', 'jump/f/img_2.jpg', 'jump/cover.png')
    assert found(tmp_path) == ['jump/f', 'run/1.mp4']
    assert found(tmp_path, '*') == []
    assert found(tmp_path, '*/*') == ['jump/f', 'run/1.mp4']
    assert walk_videos(str(tmp_path)).summary() == (
        f'images without a number: 1 (such as {tmp_path}/jump/cover.png); '
        f'image folders with videos below them: 1 (such as {tmp_path})'
    )


def test_a_frame_folder_named_itself_has_its_name_in_a_store(tmp_path):
    touch(tmp_path, 'f/img_1.jpg', 'f/img_2.jpg')
    dataset = UnlabeledVideoDataset(f'{tmp_path}/f', lazy_init=True)
    assert [(video.path, video.name) for video in dataset.source_videos()] == [(f'{tmp_path}/f', 'f')]


def test_a_single_image_is_no_source(tmp_path):
    touch(tmp_path, 'a.jpg')
    with pytest.raises(InputError, match='a single image; give a video, or the folder of the images'):
        UnlabeledVideoDataset(f'{tmp_path}/a.jpg')


def test_of_two_links_to_a_folder_the_first_name_counts(tmp_path):
    touch(tmp_path, 'elsewhere/1.mp4')
    (tmp_path / 'videos').mkdir()
    for name in ('m', 'z', 'a', 'b'):  # whatever the order in which the system lists them
        (tmp_path / 'videos' / name).symlink_to(tmp_path / 'elsewhere')
    assert found(tmp_path / 'videos') == ['a/1.mp4']


def test_folders_with_signs_of_globs_in_their_names_are_searched(tmp_path):
    touch(tmp_path, 'match [1]/a.mp4', 'match 1/b.mp4', 'what?/c.mp4')
    assert found(tmp_path, '**/*.mp4') == ['match 1/b.mp4', 'match [1]/a.mp4', 'what?/c.mp4']


def test_kept_indexes_are_not_counted(tmp_path):
    touch(tmp_path, 'a.mp4', '.frame_index/a.mp4-0123.idx')
    assert walk_videos(str(tmp_path)).left_out == {}


def test_arrays_are_videos_unless_they_lie_beside_frames(tmp_path):
    touch(
        tmp_path, 'stacks/a.npy', 'stacks/b.npz', 'poses/1.jpg', 'poses/a.npy', 'both/1.jpg', 'both/a.npy', 'both/b.mp4'
    )
    touch(tmp_path, 'cover/cover.jpg', 'cover/a.npy')
    assert found(tmp_path) == ['both/a.npy', 'both/b.mp4', 'cover/a.npy', 'poses', 'stacks/a.npy', 'stacks/b.npz']
    assert walk_videos(str(tmp_path)).left_out == {
        '.jpg': (2, f'{tmp_path}/both/1.jpg'),
        '.npy': (1, f'{tmp_path}/poses/a.npy'),
    }


def test_the_first_tiff_of_a_folder_decides_for_all(tmp_path):
    page = np.zeros((16, 16), np.uint8)
    for folder, pages in (('images', (1, 3)), ('stacks', (3, 1))):
        (tmp_path / folder).mkdir()
        for i, count in enumerate(pages):
            cv2.imwritemulti(f'{tmp_path}/{folder}/{i}.tif', [page] * count)
    assert found(tmp_path) == ['images', 'stacks/0.tif', 'stacks/1.tif']


def test_images_without_a_number_are_counted_and_one_is_named(tmp_path):
    touch(tmp_path, 'f/1.jpg', 'f/2.jpg', 'f/z.jpg', 'f/x.jpg')
    assert walk_videos(str(tmp_path)).summary() == f'images without a number: 2 (such as {tmp_path}/f/x.jpg)'


@pytest.mark.parametrize(('grave', 'level'), [(False, logging.INFO), (True, logging.WARNING)])
def test_what_may_be_a_lost_video_is_a_warning(tmp_path, monkeypatch, grave, level):
    touch(tmp_path, 'a.mp4', 'b.txt')
    if grave:
        (tmp_path / 'c.mp4').symlink_to('nowhere.mp4')
    said = []
    monkeypatch.setattr(walk, 'print_log', lambda line, logger, level: said.append(level))
    walk_videos(str(tmp_path)).report(str(tmp_path))
    assert said == [level]


def test_the_frequent_suffixes_are_told_and_the_others_counted(tmp_path):
    names = [f'{i}.s{kind}' for kind in range(8) for i in range(10 - kind)]
    touch(tmp_path, *names, '0.t1', '0.t2', '1.t2')
    words = [f'{10 - kind} .s{kind}' for kind in range(8)]
    assert walk_videos(str(tmp_path)).summary() == f'{", ".join(words)}, 3 with other suffixes'


def test_a_folder_of_frames_has_no_videos_below_it(tmp_path):
    touch(tmp_path, 'posters/1.jpg', 'posters/2.jpg', 'posters/run/1.mp4', 'frames/1.jpg', 'frames/old/notes.txt')
    assert not walk.is_frame_folder(f'{tmp_path}/posters')
    assert walk.is_frame_folder(f'{tmp_path}/frames')
    assert not walk.is_frame_folder(f'{tmp_path}/nowhere')
