"""The comparison of clips on two sides of a split is done once, and again where a file or a side has changed."""

import json
import os

import pytest
from made_up_rows import splits_of, videos

from auxskd_mm.datasets.preparation.near_duplicates import NearDuplicates
from auxskd_mm.datasets.preparation.video_check import VideoReport
from auxskd_mm.own_videos import checks
from auxskd_mm.own_videos.videos import Found, Video


@pytest.fixture
def found(tmp_path):
    made = []
    for video in videos(classes=2, groups=4, each=2).videos:
        path = tmp_path / 'mine' / video.name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b'video')
        made.append(Video(video.name, str(path), video.label, video.group))
    return Found(made, True)


@pytest.fixture
def calls(monkeypatch):
    made = []

    def compare(train, test, most):
        made.append((train, test))
        return NearDuplicates([(test[0], train[0])], len(test), len(train))

    monkeypatch.setattr(checks, 'near_duplicates', compare)
    return made


def test_clips_are_compared_once_and_the_warning_stays(found, calls, tmp_path):
    split, said = splits_of(found, 1)[0], []
    for _ in range(2):
        assert checks.warn_of_near_duplicates(found, split, tmp_path, said.append) == 1
    assert len(calls) == 1
    assert said[0] == said[1]
    assert f'such as {split.test[0].name} and {split.fit[0].name}' in said[0]


def test_a_changed_file_or_side_is_compared_again(found, calls, tmp_path):
    one, other = splits_of(found, 2)
    checks.warn_of_near_duplicates(found, one, tmp_path, str)
    os.utime(one.test[0].path, ns=(1, 1))
    checks.warn_of_near_duplicates(found, one, tmp_path, str)
    assert len(calls) == 2
    checks.warn_of_near_duplicates(found, other, tmp_path, str)
    assert len(calls) == 3


@pytest.mark.parametrize('text', ['', '{"key": ', '[]'])
def test_a_damaged_record_is_made_again(found, calls, tmp_path, text):
    split = splits_of(found, 1)[0]
    (tmp_path / checks.NEAR_FILE).write_text(text)
    assert checks.warn_of_near_duplicates(found, split, tmp_path, str) == 1
    assert len(calls) == 1


@pytest.mark.parametrize('change', ['{', '[]', '{"a.mp4": {"state": [1, 2]}}', None])
def test_a_check_that_another_version_kept_is_done_again(change, tmp_path, monkeypatch):
    monkeypatch.setattr(checks, 'check_videos', lambda paths, **given: [VideoReport(path, 'ok') for path in paths])
    (tmp_path / 'a.mp4').write_bytes(b'video')
    found, said = Found([Video('a.mp4', str(tmp_path / 'a.mp4'), 'a', 'a')], False), []
    checks.check_all(found, tmp_path, said.append)
    kept = json.loads((tmp_path / checks.FILE).read_text())
    kept['a.mp4']['report']['later'] = 1
    (tmp_path / checks.FILE).write_text(json.dumps(kept) if change is None else change)
    assert checks.check_all(found, tmp_path, said.append)['a.mp4'].status == 'ok'
    checks.check_all(found, tmp_path, said.append)
    assert [line.split(', ')[1] for line in said] == ['1 of them now', '1 of them now', '0 of them now']


def test_a_frame_folder_of_images_of_one_size_is_seen_to_change(tmp_path):
    image = tmp_path / '0.bmp'
    image.write_bytes(b'aaaa')
    os.utime(image, ns=(1, 10**18))
    before = checks._state(str(tmp_path))
    assert checks._state(str(tmp_path)) == before
    image.write_bytes(b'bbbb')
    assert checks._state(str(tmp_path)) != before


@pytest.mark.parametrize(
    ('rates', 'expected', 'says'),
    [
        ((25.0, 25.0, 25.0), None, []),
        ((25.0, None, None), None, []),
        (
            (12.5, 25.0, 25.0),
            12.5,
            ['frame rates differ: clips of the pretraining are drawn at 12.5 frames per second'],
        ),
        (
            (12.5, None, 25.0),
            None,
            ['frame rates differ, and 1 videos have none, such as c0/g0_1.mp4: clips of the pretraining'],
        ),
    ],
)
def test_clips_are_drawn_by_time_where_every_video_has_one(rates, expected, says):
    """Beside a folder of frames the first pretraining ended, after the packing, and asked for a setting that nobody can make."""
    found = videos(classes=1, groups=1, each=3)
    reports = {v.name: VideoReport(v.path, 'ok', fps=fps) for v, fps in zip(found.videos, rates)}
    said = []
    assert checks.rate_to_set(found, reports, said.append) == expected
    assert [line[: len(start)] for line, start in zip(said, says)] == says
    assert len(said) == len(says)
