"""Packed videos are the videos; an interruption, a full disk and a changed source leave nothing half written to be read."""

import errno
import json
import os
import shutil
import tarfile
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from backends import USABLE
from conftest import counted_frame, read_count, write_video

from auxskd_mm.datasets.packing import pack_videos, shard
from auxskd_mm.datasets.packing.encode import Recipe, encode
from auxskd_mm.datasets.packing.estimate import Estimate, advice, estimate_layouts, estimate_table, estimate_videos
from auxskd_mm.datasets.readers import open_reader
from auxskd_mm.datasets.stores import SourceVideo, StoreSettings, open_store
from auxskd_mm.datasets.stores.store import state_of
from auxskd_mm.errors import InputError

FRAMES = 40


@pytest.fixture(scope='module')
def videos(tmp_path_factory):
    """Three videos of counted frames, one of them a folder of images."""
    root = tmp_path_factory.mktemp('videos')
    (root / 'a').mkdir()
    write_video(root / 'a' / 'one.mp4', FRAMES, options=dict(codec={'bf': '2'}))
    write_video(root / 'two.avi', FRAMES - 7, codec='mpeg4')
    (root / 'frames').mkdir()
    for i in range(20):
        cv2.imwrite(str(root / 'frames' / f'{i}.png'), counted_frame(i))
    names = ['a/one.mp4', 'two.avi', 'frames']
    return [SourceVideo(str(root / name), name, label) for name, label in zip(names, (3, -1, 0))]


def copied(videos, folder):
    """The same videos in a folder of their own, to be changed."""
    copies = []
    for video in videos:
        target = folder / video.name
        target.parent.mkdir(parents=True, exist_ok=True)
        (shutil.copytree if os.path.isdir(video.path) else shutil.copy2)(video.path, target)
        copies.append(video._replace(path=str(target)))
    return copies


@pytest.mark.parametrize('layout', ['mp4', 'jpg', 'raw'])
def test_frames_are_those_of_the_videos(videos, tmp_path, layout):
    store = pack_videos(tmp_path / 's', videos, StoreSettings(layout, short_side=48))
    assert [sample['total_frames'] for sample in store.samples()] == [40, 33, 20]
    assert [sample.get('label') for sample in store.samples()] == [3, None, 0]
    for video, sample in zip(videos, store.samples()):
        assert sample['filename'] == f'{tmp_path}/s/{video.name}'
        source, stored = open_reader(video.path), open_reader(sample['filename'])
        assert stored.fps == source.fps
        for indices in ([0], [stored.num_frames - 1], [1, 2, 9, 17, 19], list(range(stored.num_frames))):
            frames = stored.read(indices)
            assert [read_count(frame) for frame in frames] == indices
            error = np.abs(np.stack(frames).astype(int) - np.stack(source.read(indices)))
            # Exact but for the codec: 4:2:0, quantiser and block edges of the counting pattern.
            assert error.mean() <= dict(mp4=2.5, jpg=1.5, raw=0)[layout]
        source.close()


@pytest.mark.parametrize('layout', ['mp4', 'jpg', 'raw'])
def test_channel_order(tmp_path, layout):
    (tmp_path / 'v').mkdir()
    red = np.full((48, 64, 3), (0, 0, 200), np.uint8)
    for i in range(3):
        cv2.imwrite(str(tmp_path / 'v' / f'{i}.png'), red)
    pack_videos(tmp_path / 's', [SourceVideo(str(tmp_path / 'v'), 'v')], StoreSettings(layout))
    for order, channel in (('rgb', 0), ('bgr', 2)):
        frame = open_reader(f'{tmp_path}/s/v', channel_order=order).read([1])[0]
        assert frame[..., channel].min() > 190
        assert np.delete(frame, channel, axis=2).max() < 10


def test_members_are_plain_files_for_any_program(videos, tmp_path):
    expected = dict(mp4='a/one.mp4', jpg='a/one.mjpeg', raw='a/one.npy')
    for layout, name in expected.items():
        store = pack_videos(tmp_path / layout, videos[:1], StoreSettings(layout, short_side=48))
        with tarfile.open(store.shards[0]) as tar:
            assert name in tar.getnames()
            data = tar.extractfile(name).read()
        path = tmp_path / Path(name).name
        path.write_bytes(data)
        if layout == 'raw':
            frames = np.load(path)
            assert frames.shape == (FRAMES, 48, 64, 3)
            assert [read_count(frame) for frame in frames] == list(range(FRAMES))
        else:
            capture = cv2.VideoCapture(str(path))
            assert [read_count(capture.read()[1]) for _ in range(FRAMES)] == list(range(FRAMES))


@pytest.mark.parametrize(
    ('settings', 'source', 'expected'),
    [
        (StoreSettings('jpg'), (240, 320), (128, 171)),
        (StoreSettings('mp4'), (240, 320), (128, 171)),
        (StoreSettings('mp4'), (320, 180), (228, 128)),
        (StoreSettings('raw'), (100, 90), (100, 90)),  # never enlarged
        (StoreSettings('raw', size=(171, 128)), (240, 320), (128, 171)),
        (StoreSettings('raw', size=(171, 128)), (100, 90), (128, 171)),
    ],
)
def test_frame_sizes(settings, source, expected):
    assert settings.frame_size(*source) == expected


@pytest.mark.parametrize('size', [(63, 48), (64, 47), (61, 45)])
def test_odd_sides_are_kept_by_h264(videos, tmp_path, size):
    pack_videos(tmp_path / 'mp4', videos[:1], StoreSettings('mp4', size=size, crf=1))
    pack_videos(tmp_path / 'raw', videos[:1], StoreSettings('raw', size=size))
    frames, exact = (np.stack(open_reader(f'{tmp_path}/{k}/a/one.mp4').read([3, 20])) for k in ('mp4', 'raw'))
    assert frames.shape == exact.shape == (2, size[1], size[0], 3)
    assert np.abs(frames.astype(int) - exact).mean() < 2.5


def test_frames_are_scaled_by_area(tmp_path):
    (tmp_path / 'v').mkdir()
    frame = np.random.RandomState(0).randint(0, 256, (64, 96, 3), np.uint8)
    cv2.imwrite(str(tmp_path / 'v' / '0.png'), frame)
    pack_videos(tmp_path / 's', [SourceVideo(str(tmp_path / 'v'), 'v')], StoreSettings('raw', short_side=32))
    stored = open_reader(f'{tmp_path}/s/v', channel_order='bgr').read([0])[0]
    mean = frame.reshape(32, 2, 48, 2, 3).mean(axis=(1, 3))
    assert np.abs(stored - mean).max() <= 0.5


def test_processes_make_the_same_bytes(videos, tmp_path):
    one = pack_videos(tmp_path / 'one', videos, StoreSettings('mp4', short_side=48))
    two = pack_videos(tmp_path / 'two', videos, StoreSettings('mp4', short_side=48), workers=2)
    for a, b in zip(one.shards, two.shards):
        assert Path(a).read_bytes() == Path(b).read_bytes()
    assert (tmp_path / 'one' / 'store.json').read_bytes() == (tmp_path / 'two' / 'store.json').read_bytes()
    assert not [path for path in (tmp_path / 'two').iterdir() if path.name.startswith('.')]


def test_the_same_frames_always_make_the_same_bytes():
    """x264 with its default mbtree failed here only once in a while. So its own line of settings is looked at, too."""
    frames = [cv2.resize(counted_frame(i), (64, 48)) for i in range(40)]
    made = set()
    for i in range(40):
        made.add(b''.join(encode(iter(frames), Recipe(StoreSettings('mp4', short_side=48), 40, 25.0))))
        np.full(7000 * i, i, np.uint8)  # leaves other bytes in the memory that is given back
    assert len(made) == 1
    assert b' mbtree=0 ' in made.pop()


def test_goes_on_where_it_stopped(videos, tmp_path, monkeypatch):
    out, written = tmp_path / 's', []
    original = shard.encode

    def interrupted(frames, recipe):
        written.append(recipe.num_frames)
        yield next(original(frames, recipe))
        if len(written) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(shard, 'encode', interrupted)
    with pytest.raises(KeyboardInterrupt):
        pack_videos(out, videos, StoreSettings('mp4', short_side=48))
    with pytest.raises(InputError, match=r'never finished.*goes on where it stopped'):
        open_store(str(out))
    with pytest.raises(InputError, match='never finished'):
        open_reader(f'{out}/a/one.mp4')
    store = pack_videos(out, videos, StoreSettings('mp4', short_side=48))
    assert written == [40, 33, 33, 20]  # the first is not packed twice
    whole = pack_videos(tmp_path / 'whole', videos, StoreSettings('mp4', short_side=48))
    assert [Path(p).read_bytes() for p in store.shards] == [Path(p).read_bytes() for p in whole.shards]
    pack_videos(out, videos, StoreSettings('mp4', short_side=48))
    assert written[4:] == [40, 33, 20]  # of `whole`; the store itself was left alone


def test_a_full_disk_leaves_nothing_half_written(videos, tmp_path, monkeypatch):
    out = tmp_path / 's'
    original = shard.add_member

    def full(file, name, chunks, *rest):
        if name.startswith('two'):
            file.write(b'some bytes that still fitted')
            raise OSError(errno.ENOSPC, 'No space left on device')
        return original(file, name, chunks, *rest)

    monkeypatch.setattr(shard, 'add_member', full)
    with pytest.raises(InputError, match=r'the disk is full while packing; nothing half written is left') as error:
        pack_videos(out, videos, StoreSettings('jpg'))
    assert '\n' not in str(error.value)
    assert sorted(path.suffix for path in out.iterdir()) == ['.json', '.json', '.tar']  # settings and one whole shard
    with pytest.raises(InputError, match='never finished'):
        open_store(str(out))
    monkeypatch.setattr(shard, 'add_member', original)
    assert len(pack_videos(out, videos, StoreSettings('jpg'))) == 3


def test_a_real_write_that_fails_is_reported(videos, tmp_path):
    """The kernel's own error, from a size limit of the process."""
    import resource

    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    import signal

    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(InputError, match='a file grew too big while packing'):
            pack_videos(tmp_path / 's', videos, StoreSettings('raw', short_side=48))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert [path.name for path in (tmp_path / 's').iterdir()] == ['packing.json']


def test_a_changed_source_is_told_and_packed_again(videos, tmp_path):
    mine, out = copied(videos, tmp_path / 'v'), tmp_path / 's'
    before = pack_videos(out, mine, StoreSettings('jpg'))
    assert before.changed_sources() == []
    write_video(mine[0].path, FRAMES + 5)
    shutil.rmtree(mine[2].path)  # a source that is gone is no change: the store is there to do without it
    assert before.changed_sources() == [mine[0].path]
    after = pack_videos(out, mine[:2], StoreSettings('jpg'))
    assert after.changed_sources() == []
    assert [sample['total_frames'] for sample in after.samples()] == [FRAMES + 5, 33]
    assert before.shards[0] != after.shards[0]
    assert before.shards[1] == after.shards[1]
    files = {path.name for path in out.iterdir() if path.suffix == '.tar'}
    assert files == {Path(path).name for path in after.shards}  # nothing stale stays


def test_unreadable_videos_are_left_out_and_listed(videos, tmp_path):
    bad = tmp_path / 'bad.mp4'
    bad.write_bytes(b'no video' * 100)
    store = pack_videos(tmp_path / 's', [*videos, SourceVideo(str(bad), 'bad.mp4')], StoreSettings('raw'))
    assert len(store) == 3
    assert store.left_out == [[str(bad), 'cannot be opened as a video (Invalid data found when processing input)']]
    # Whole as it is: another call has nothing to do.
    marker = (tmp_path / 's' / 'store.json').stat().st_mtime_ns
    pack_videos(tmp_path / 's', [*videos, SourceVideo(str(bad), 'bad.mp4')], StoreSettings('raw'))
    assert (tmp_path / 's' / 'store.json').stat().st_mtime_ns == marker
    with pytest.raises(InputError, match=r'2 of 2 videos cannot be read.*no video|2 of 2 videos cannot be read'):
        pack_videos(
            tmp_path / 't', [SourceVideo(str(bad), 'bad.mp4'), SourceVideo(str(bad) + 'x', 'x')], max_bad_share=0
        )
    assert not (tmp_path / 't' / 'store.json').exists()


def test_a_video_damaged_in_the_middle_leaves_no_bytes_behind(videos, tmp_path, monkeypatch):
    from auxskd_mm.errors import VideoReadError

    monkeypatch.setattr(shard, '_add_video', lambda file, *rest: file.write(b'x' * 700) and _raise(VideoReadError))
    store_free = shard.write_shard(shard.ShardJob(tmp_path, 0, StoreSettings(), videos, [(1, 1)] * 3))
    assert store_free['size'] == 1024  # the two empty blocks that end a tar file
    assert len(store_free['left_out']) == 3


def _raise(kind):
    raise kind('v', 'is damaged')


def test_what_cannot_be_packed_is_refused(videos, tmp_path):
    with pytest.raises(InputError, match='no videos to pack'):
        pack_videos(tmp_path / 's', [])
    with pytest.raises(InputError, match='would both be x in the store'):
        pack_videos(tmp_path / 's', [videos[0]._replace(name='x'), videos[1]._replace(name='x')])
    with pytest.raises(InputError, match='1 videos are listed twice'):
        pack_videos(tmp_path / 's', [videos[0], videos[0]])
    with pytest.raises(InputError, match="layout='webm'"):
        pack_videos(tmp_path / 's', videos, StoreSettings('webm'))
    with pytest.raises(InputError, match='crf=99: expected 0 to 51'):
        pack_videos(tmp_path / 's', videos, StoreSettings(crf=99))
    (tmp_path / 'other').mkdir()
    (tmp_path / 'other' / 'thesis.txt').write_text('mine')
    with pytest.raises(InputError, match='is not a training store'):
        pack_videos(tmp_path / 'other', videos)
    pack_videos(tmp_path / 's', videos, StoreSettings('jpg'))
    with pytest.raises(InputError, match=r'other settings \(layout jpg, not raw; quality 85, not None\)'):
        pack_videos(tmp_path / 's', videos, StoreSettings('raw', quality=80, crf=3))


def test_pyav_without_x264(videos, tmp_path, monkeypatch):
    import av

    monkeypatch.setattr(av, 'codecs_available', {'h264'})
    with pytest.raises(InputError, match="layout='mp4': this PyAV was built without libx264"):
        pack_videos(tmp_path / 's', videos)
    assert not (tmp_path / 's').exists()


def test_estimates_scale_with_the_list(videos):
    few = estimate_layouts(videos[:1], StoreSettings(short_side=48))
    many = estimate_layouts(videos[:1] * 1000, StoreSettings(short_side=48), sample=1)
    raw = {estimate.layout: estimate for estimate in few}['raw']
    assert raw.gigabytes == pytest.approx((FRAMES * 48 * 64 * 3 + 128) / 1e9)
    for one, thousand in zip(few, many):
        assert thousand.gigabytes == pytest.approx(1000 * one.gigabytes)
    lines = estimate_table(many, 'jpg').splitlines()
    assert [line[0] for line in lines] == [' ', ' ', '>', ' ']


def test_the_videos_themselves_are_measured_with_each_backend(videos):
    few, many = (estimate_videos(videos[:1] * count, StoreSettings(short_side=48)) for count in (1, 1000))
    assert [one.layout for one in few] == [f'video, {name}' for name in USABLE]
    size = Path(videos[0].path).stat().st_size / 1e9
    assert [(one.gigabytes, one.hours) for one in few] == [(pytest.approx(size), 0.0)] * len(USABLE)
    assert many[0].gigabytes == pytest.approx(1000 * size)
    assert all(one.clip_ms > 0 for one in few)
    table = estimate_table([*few, *estimate_layouts(videos[:1], StoreSettings(short_side=48))], 'raw').splitlines()
    assert len({len(line) for line in table}) == 1
    assert len(table) == 1 + len(USABLE) + 3


def test_the_advice_weighs_packing_reading_and_the_disk():
    ways = [Estimate('video, pyav', 1, 0.0, 36.0), Estimate('mp4', 1, 0.5, 9.0), Estimate('raw', 50, 1.0, 0.9)]
    # 10000 clips take 0.1 h from the videos. 360000 take 3.6 h, 0.5 + 0.9 h from mp4 and 1 + 0.09 h from raw.
    assert advice(ways, 10000, 1, 100) == 'best for 10000 clips with 1 process(es): video, pyav (6.0 min in all)'
    assert advice(ways, 360000, 1, 100) == (
        'best for 360000 clips with 1 process(es): raw (1.1 h in all); video, pyav takes 3.6 h, packing pays after '
        '102564 clips'
    )
    assert advice(ways, 360000, 1, 40).startswith('best for 360000 clips with 1 process(es): mp4 (1.4 h in all)')
    assert advice(ways[2:], 10, 1, 40) == 'no store fits into the free 40.0 GB'


def test_long_names_keep_the_tar_whole(videos, tmp_path):
    long = [videos[0]._replace(name='/'.join(['class' * 15] * 3) + '/one.mp4'), videos[1]]
    store = pack_videos(tmp_path / 's', long, StoreSettings('jpg'))
    assert [read_count(frame) for frame in open_reader(store.samples()[0]['filename']).read([4, 30])] == [4, 30]
    with tarfile.open(store.shards[0]) as tar:
        assert tar.getnames()[0] == long[0].name.replace('.mp4', '.mjpeg')


def test_marker_is_readable(videos, tmp_path):
    pack_videos(tmp_path / 's', videos, StoreSettings('jpg'))
    marker = json.loads((tmp_path / 's' / 'store.json').read_text())
    assert (marker['version'], marker['videos'], marker['frames']) == (1, 3, 93)


def test_a_store_of_a_store_follows_a_changed_video(videos, tmp_path):
    """A stored video is no file, so its state is that of its bytes in the store: a re-encoded one is packed anew, too."""
    own = copied(videos[:2], tmp_path / 'own')

    def packed_twice():
        first = pack_videos(tmp_path / 'first', own, StoreSettings('jpg', short_side=48))
        stored = [video._replace(path=sample['filename']) for video, sample in zip(own, first.samples())]
        return pack_videos(tmp_path / 'second', stored, StoreSettings('raw'))

    def shards():
        return {path.name: path.stat().st_mtime_ns for path in (tmp_path / 'second').glob('shard-*.tar')}

    packed_twice()
    before = shards()
    packed_twice()
    assert shards() == before
    write_video(own[1].path, 9, codec='mpeg4')
    store = packed_twice()
    assert [sample['total_frames'] for sample in store.samples()] == [FRAMES, 9]
    assert len(shards().items() & before.items()) == 1


def test_a_window_of_a_stored_video_follows_it(tmp_path):
    (path,) = [write_video(tmp_path / 'm.mp4', 40)]

    def packed_twice():
        pack_videos(tmp_path / 'first', [SourceVideo(path, 'm')], StoreSettings('jpg', short_side=48))
        part = [SourceVideo(f'{tmp_path}/first/m#t=0.2,0.6', 'part')]
        (sample,) = pack_videos(tmp_path / 'second', part, StoreSettings('raw', short_side=48)).samples()
        return [read_count(frame) for frame in open_reader(sample['filename']).stream()]

    assert packed_twice() == list(range(5, 15))
    write_video(path, 9, codec='mpeg4')
    assert packed_twice() == [5, 6, 7, 8]


@pytest.mark.parametrize('rate', [24000 / 1001, 30000 / 1001, 12.3, 25.0])
def test_windows_of_a_long_stored_video_are_those_of_the_video(tmp_path, rate):
    """The store keeps a rate with 24 bits: after half a minute of 23.976 frames per second a window began a frame late."""
    frames = np.arange(4000, dtype=np.uint16).reshape(-1, 1, 1, 1) + np.zeros((1, 16, 16, 1), np.uint16)
    np.savez(tmp_path / 'long.npz', frames=frames, fps=rate)
    videos = [SourceVideo(str(tmp_path / 'long.npz'), 'long')]
    store = pack_videos(tmp_path / 's', videos, StoreSettings('raw', short_side=16))
    for first in range(0, 3990, 133):
        window = f'#t={first / rate:.6f},{(first + 5) / rate:.6f}'
        shown = [frame[0, 0, 0] for frame in open_reader(f'{tmp_path}/s/long{window}').stream()]
        assert shown == list(range(first, first + 5))
    times = open_reader(f'{tmp_path}/s/long').times()
    np.testing.assert_allclose(times, np.arange(4000) / rate, atol=5e-7)
    assert len(store.index.times) == (0 if float(np.float32(rate)) == rate else 4000)  # no more than needed


def images(folder, *frames):
    folder.mkdir()
    for i, frame in enumerate(frames):
        cv2.imwrite(str(folder / f'{i}.png'), frame[..., ::-1])
    return SourceVideo(str(folder), folder.name)


def stored_frame(tmp_path, video, *settings, **more):
    store = pack_videos(tmp_path / 'store', [video], StoreSettings(*settings, **more))
    return open_reader(store.samples()[0]['filename']).read([0])[0]


def test_smaller_frames_are_means_and_larger_ones_lie_between(tmp_path):
    frame = np.random.RandomState(0).randint(0, 256, (128, 128, 3), np.uint8)
    small = stored_frame(tmp_path, images(tmp_path / 'a', frame), 'raw', short_side=32)
    assert np.abs(small - frame.reshape(32, 4, 32, 4, 3).mean((1, 3))).max() <= 0.5
    edge = np.repeat(np.array([0, 200], np.uint8), 8)[:, None, None].repeat(16, 1).repeat(3, 2)
    (tmp_path / 'b').mkdir()
    large = stored_frame(tmp_path / 'b', images(tmp_path / 'b' / 'b', edge), 'raw', size=(32, 32))
    assert large[14:18, 0, 0].tolist() == [0, 50, 150, 200]


def test_the_padding_of_odd_sides_leaves_the_last_colours_as_they_are(tmp_path):
    red = np.broadcast_to(np.array([220, 20, 20], np.uint8), (33, 35, 3))
    frame = stored_frame(tmp_path, images(tmp_path / 'a', red, red), 'mp4', short_side=33).astype(int)
    assert frame.shape == (33, 35, 3)
    assert np.abs(frame - frame[0, 0]).max() <= 12


@pytest.mark.parametrize(
    ('layout', 'better', 'worse'), [('mp4', dict(crf=10), dict(crf=40)), ('jpg', dict(quality=95), dict(quality=30))]
)
def test_better_pictures_take_more_bytes(tmp_path, layout, better, worse):
    noise = np.random.RandomState(0).randint(0, 256, (48, 64, 3), np.uint8)
    video = images(tmp_path / 'noise', noise, noise)
    sizes = []
    for name, settings in (('better', better), ('worse', worse)):
        store = pack_videos(tmp_path / name, [video], StoreSettings(layout, short_side=48, **settings))
        sizes.append(int(store.index.rows['size'].sum()))
    assert sizes[0] > 1.2 * sizes[1]


def test_members_have_the_rate_and_the_time_of_their_source(tmp_path):
    path = write_video(tmp_path / 'a.mp4', 20, fps=10)
    os.utime(path, (1234567890, 1234567890))
    store = pack_videos(tmp_path / 's', [SourceVideo(path, 'a.mp4')], StoreSettings(short_side=48))
    with tarfile.open(store.shards[0]) as tar:
        assert tar.getmember('a.mp4').mtime == 1234567890
        with av.open(tar.extractfile('a.mp4')) as container:
            assert container.streams.video[0].average_rate == 10


def test_nothing_is_left_of_a_video_that_fails_late(tmp_path):
    frame = np.zeros((16, 16, 3), np.uint8)
    good, bad = images(tmp_path / 'good', frame), images(tmp_path / 'bad', *[frame] * 9)
    (tmp_path / 'bad' / '8.png').write_bytes(b'no image')
    settings = StoreSettings('raw', short_side=16)
    job = shard.ShardJob(tmp_path, 0, settings, [good, bad], [state_of(good.path), state_of(bad.path)])
    content = shard.write_shard(job)
    assert [path for path, _ in content['left_out']] == [bad.path]
    assert os.path.getsize(tmp_path / content['file']) == content['size'] == 512 + 1024 + 1024  # header, member, end
    with tarfile.open(tmp_path / content['file']) as tar:
        assert tar.getnames() == ['good.npy']
    assert job.stem != job._replace(max_frames=3).stem
