"""Stores whose files say what cannot be: each is read right, or refused with one line, and takes little memory."""

import copy
import io
import json
import os
import shutil
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
from conftest import counted_frame, read_count
from tool_runs import call_tool

from auxskd_mm.datasets.packing import pack_videos
from auxskd_mm.datasets.readers import open_reader
from auxskd_mm.datasets.stores import LAYOUTS, SourceVideo, StoreSettings, open_store, unreadable_videos
from auxskd_mm.datasets.stores.store import forget_store
from auxskd_mm.errors import InputError

COUNT, VIDEOS = 20, 3
# Another first number for each video, so that frames of another video are found out.
FIRST = dict(zip(('a/one', 'a/two', 'b/three'), (0, 80, 160)))
ODD = [None, True, -1, -5, 2**31, 2**63, 10**30, 0.5, float('nan'), '', '8', 'x' * 300, [], [1], {}, {'a': 1}]
OFF = [-(2**31), -48, -5, -1, 0, 1, 5, 511, 512, 2**31 - 1]


@pytest.fixture(scope='module')
def videos(tmp_path_factory):
    root = tmp_path_factory.mktemp('videos')
    for name, first in FIRST.items():
        (root / name).mkdir(parents=True)
        for i in range(COUNT):
            cv2.imwrite(str(root / name / f'{i:03}.png'), counted_frame(first + i))
    return [SourceVideo(str(root / name), name) for name in FIRST]


@pytest.fixture(scope='module')
def stores(videos, tmp_path_factory):
    root = tmp_path_factory.mktemp('stores')
    for layout in LAYOUTS:
        pack_videos(root / layout, videos, StoreSettings(layout, short_side=48))
    return root


def read_all(store):
    """Read each video of a store, and compare what its frames show."""
    forget_store(str(store))
    opened = open_store(str(store))
    assert set(opened.index.names) == set(FIRST)
    opened.changed_sources()
    assert all(name in FIRST for name in opened.damaged_videos())
    for name, first in FIRST.items():
        reader = open_reader(f'{store}/{name}')
        frames = reader.read([0, 9, COUNT - 1])
        assert [read_count(frame) for frame in frames] == [first, first + 9, first + COUNT - 1]


def read_right_or_refused(store):
    """What a crafted store does: 'right', or the line."""
    try:
        read_all(store)
    except InputError as error:
        line = str(error)
        assert '\n' not in line
        assert str(store) in line
        assert len(line) < 600
        return line
    return 'right'


def arrays_of(store):
    with np.load(store / 'index.npz') as arrays:
        return {key: arrays[key].copy() for key in arrays}


def write_index(store, data):
    """Write the bytes of an index and its checksum."""
    (store / 'index.npz').write_bytes(data)
    marker = json.loads((store / 'store.json').read_text())
    (store / 'store.json').write_text(json.dumps(dict(marker, index_checksum=zlib.crc32(data))))


def write_arrays(store, arrays, save=np.savez):
    buffer = io.BytesIO()
    save(buffer, **arrays)
    write_index(store, buffer.getvalue())


def text(*lines):
    return np.frombuffer('\n'.join(lines).encode(), np.uint8)


def marker_cases(marker):
    """(what, marker) for each field with each odd value, and without it."""
    places = [(key,) for key in marker] + [('settings', key) for key in marker['settings']]
    places += [('shards', 0), ('shards', 0, 0), ('shards', 0, 1), ('left_out', 0), ('settings', 'size')]
    for place in places:
        for value in ODD:
            changed = copy.deepcopy(dict(marker, left_out=marker['left_out'] or [['p', 'r']]))
            parent = changed
            for key in place[:-1]:
                parent = parent[key]
            parent[place[-1]] = value
            yield f'{place}={value!r:.20}', changed
    other = os.path.abspath(marker['shards'][0][0])
    name = marker['shards'][0][0]
    for bad in (f'../x/{name}', f'./{name}', other, f'{name}\0', f'{name}\n', f'sub/{name}', '..', '', name.upper()):
        yield f'shard {bad!r}', dict(marker, shards=[[bad, marker['shards'][0][1]], *marker['shards'][1:]])
    yield 'shard twice', dict(marker, shards=[marker['shards'][0]] * len(marker['shards']))
    yield 'shards swapped', dict(marker, shards=marker['shards'][::-1])
    yield 'left out', dict(marker, left_out=[[1, 2]])


@pytest.mark.parametrize('layout', LAYOUTS)
def test_markers_that_say_what_cannot_be(stores, tmp_path, layout):
    store = tmp_path / layout
    shutil.copytree(stores / layout, store)
    assert read_right_or_refused(store) == 'right'  # so that the others can fail
    original = (store / 'store.json').read_text()
    tried = 0
    for what, changed in marker_cases(json.loads(original)):
        (store / 'store.json').write_text(json.dumps(changed))
        found = read_right_or_refused(store)
        # A value that is equal to the old one, as True is to 1, does no harm; nor do videos that were left out.
        same = changed == dict(json.loads(original), left_out=changed.get('left_out'))
        assert found != 'right' or (same and changed['left_out'] in ([], [['p', 'r']])), what
        tried += 1
    for content in (b'', b'[]', b'null', b'{', b'[' * 100_000, b'\xff\xfe', b'{"format": 1}'):
        (store / 'store.json').write_bytes(content)
        assert read_right_or_refused(store) != 'right', content[:20]
        tried += 1
    assert tried >= 142


@pytest.mark.parametrize('layout', LAYOUTS)
def test_rows_that_point_elsewhere(stores, tmp_path, layout):
    store = tmp_path / layout
    shutil.copytree(stores / layout, store)
    arrays = arrays_of(store)
    rows = arrays['rows']
    tried = refused = 0
    for key in rows.dtype.names:
        values = OFF if rows.dtype[key].kind != 'f' else [*OFF, np.nan, np.inf, 1e30]
        for value in [*values, *(int(rows[key][0]) + step for step in (-512, -1, 1, 512)), rows[key][1]]:
            changed = rows.copy()
            if layout == 'mp4' and key in ('height', 'width') and value == rows[key][0] - 1:
                continue  # H.264 has even sides: a frame of 47 x 63 is one of 48 x 64 with a row and column cut off
            try:
                changed[key][0] = value
            except OverflowError:
                continue
            write_arrays(store, dict(arrays, rows=changed))
            found = read_right_or_refused(store)
            # The rest says nothing about the frames.
            harmless = (
                key in ('label', 'fps', 'checksum', 'source_size', 'source_mtime') or changed[key][0] == rows[key][0]
            )
            if key == 'table' and layout == 'raw':
                harmless = value == -1
            assert harmless or found != 'right', (key, value)
            tried, refused = tried + 1, refused + (found != 'right')
    assert tried >= 142
    assert refused >= 80


def index_cases(arrays):
    rows, names = arrays['rows'], list(FIRST)
    for bad in ('/etc/passwd', '../one', 'a/../../one', 'a//one', './one', 'a/.', '', 'a/one/', 'a\0', names[1]):
        yield f'name {bad!r}', dict(arrays, names=text(bad, *names[1:]))
    yield 'names swapped', dict(arrays, names=text(names[1], names[0], names[2]))
    yield 'few names', dict(arrays, names=text(*names[1:]))
    yield 'few sources', dict(arrays, sources=text('x'))
    yield 'zero byte in a source', dict(arrays, sources=text('x\0', 'y', 'z'))
    for bad in ('zz', '0', '00' * 2**17, '00' * 30, '01ff'):
        yield f'extradata {bad:.10}', dict(arrays, extradata=text(bad))
    yield 'no rows', dict(arrays, rows=rows[:0], names=text(), sources=text())
    yield 'rows of another type', dict(arrays, rows=np.zeros(3))
    yield 'rows in two dimensions', dict(arrays, rows=rows[None])
    yield 'one array too many', dict(arrays, more=rows)
    yield 'one array too few', {key: arrays[key] for key in arrays if key != 'rows'}
    yield 'names as text', dict(arrays, names=np.array(names))
    yield 'objects', dict(arrays, names=np.array(names, dtype=object))


def test_time_stamps_that_cannot_be(stores, tmp_path):
    store = tmp_path / 'raw'
    shutil.copytree(stores / 'raw', store)
    arrays = arrays_of(store)
    frames = arrays['rows']['frames'].astype(np.int64)
    times = np.concatenate([np.arange(frames[0]), np.arange(frames[1])]) * 10**7
    right = dict(arrays, timed=np.arange(2), times=times)
    write_arrays(store, right)
    assert read_right_or_refused(store) == 'right'
    backwards, late = times.copy(), times.copy()
    backwards[3] = backwards[1]
    late[0] = 1
    for what, changed in {
        'rows': dict(right, timed=np.asarray([0, 10**6])),
        'negative rows': dict(right, timed=np.asarray([-1, 0])),
        'rows twice': dict(right, timed=np.asarray([1, 1])),
        'too few': dict(right, times=times[:-1]),
        'none': dict(right, times=times[:0]),
        'backwards': dict(right, times=backwards),
        'negative': dict(right, times=times - 1),
        'late': dict(right, times=late),
        'floats': dict(right, times=times.astype(float)),
        'one array alone': {key: right[key] for key in right if key != 'times'},
    }.items():
        write_arrays(store, changed)
        assert 'damaged' in read_right_or_refused(store), what


@pytest.mark.parametrize('layout', LAYOUTS)
def test_indexes_that_hold_something_else(stores, tmp_path, layout):
    store = tmp_path / layout
    shutil.copytree(stores / layout, store)
    arrays = arrays_of(store)
    for what, changed in index_cases(arrays):
        write_arrays(store, changed)
        assert read_right_or_refused(store) != 'right', what
    write_arrays(store, arrays, np.savez_compressed)
    assert 'compressed' in read_right_or_refused(store)
    write_arrays(store, arrays)
    assert read_right_or_refused(store) == 'right'
    data, generator = (store / 'index.npz').read_bytes(), np.random.RandomState(0)
    for _ in range(60):  # bytes changed here and there
        changed = np.frombuffer(data, np.uint8).copy()
        changed[generator.randint(len(data), size=3)] = generator.randint(256, size=3)
        write_index(store, changed.tobytes())
        read_right_or_refused(store)
    for end in range(0, len(data), len(data) // 20):
        write_index(store, data[:end])
        assert read_right_or_refused(store) != 'right'


def test_an_array_that_claims_more_than_the_file_has_takes_no_memory(stores, tmp_path):
    store = tmp_path / 'raw'
    shutil.copytree(stores / 'raw', store)
    arrays, buffer = arrays_of(store), io.BytesIO()
    with zipfile.ZipFile(buffer, 'w') as file:
        for key, array in arrays.items():
            member = io.BytesIO()
            shape = (2**29,) if key == 'names' else array.shape
            header = dict(descr=np.lib.format.dtype_to_descr(array.dtype), fortran_order=False, shape=shape)
            np.lib.format.write_array_header_1_0(member, header)
            file.writestr(f'{key}.npy', member.getvalue() + array.tobytes())
    write_index(store, buffer.getvalue())
    tracemalloc.start()
    try:
        assert 'names is of another kind' in read_right_or_refused(store)
        assert tracemalloc.get_traced_memory()[1] < 2**24
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize('layout', ['mp4', 'jpg'])
def test_a_table_of_positions_that_lies(stores, tmp_path, layout):
    """Frames that are not where the table says; the checksum in the index is that of the table as it is."""
    store = tmp_path / layout
    shutil.copytree(stores / layout, store)
    opened = open_store(str(stores / layout))
    row, generator = opened.index.rows[0], np.random.RandomState(0)
    shard = store / Path(opened.shards[int(row['shard'])]).name
    data, at = shard.read_bytes(), int(row['table'])
    table = np.frombuffer(data[at : at + 4 * (COUNT + 1)], '<u4')
    tables = [table[::-1], np.roll(table, 1), table * 0, table * 0 + (2**32 - 1), table // 2, table + 2**31]
    for _ in range(20):
        changed = table.copy()
        changed[[0, 9, 10, COUNT - 1, COUNT]] += generator.randint(-40, 40, size=5).astype(np.uint32)
        tables.append(changed)
    for changed in tables:
        shard.write_bytes(data[:at] + changed.astype('<u4').tobytes() + data[at + 4 * (COUNT + 1) :])
        assert read_right_or_refused(store) != 'right'


def test_the_files_of_a_store_that_are_pipes_or_folders_are_not_waited_for(stores, tmp_path):
    for name in ('store.json', 'index.npz', 'packing.json', 'shard'):
        store = tmp_path / name
        shutil.copytree(stores / 'jpg', store)
        file = next(store.glob('shard-*.tar')) if name == 'shard' else store / name
        file.unlink()
        os.mkfifo(file)
        assert read_right_or_refused(store) != 'right'
        file.unlink()
        file.mkdir()
        assert read_right_or_refused(store) != 'right'


@pytest.mark.parametrize(
    ('layout', 'change', 'says'),
    [
        ('mp4', dict(gop=0), 'gop=0: expected 1 to 1000'),
        ('mp4', dict(gop=None), 'gop=None, expected a whole number'),
        ('mp4', dict(gop=5), 'gop=5 here, 8 in packing.json'),
        ('mp4', dict(layout='tape'), "layout='tape': expected one of 'mp4', 'jpg', 'raw'"),
        ('jpg', dict(extradata=99), 'video 0 has extradata=99, expected 0 to 0'),
        ('raw', dict(height=-48), 'video 0 has height=-48, expected 1 to 65536'),
        ('raw', dict(offset=-5), 'video 0 has offset=-5'),
    ],
)
def test_check_finds_what_cannot_be(stores, tmp_path, monkeypatch, capfd, layout, change, says):
    store = tmp_path / layout
    shutil.copytree(stores / layout, store)
    forget_store(str(store))
    marker, arrays = json.loads((store / 'store.json').read_text()), arrays_of(store)
    for key, value in change.items():
        if key in ('gop', 'layout'):
            marker['settings'][key] = value
        else:
            arrays['rows'][key][0] = value
    (store / 'store.json').write_text(json.dumps(marker))
    write_arrays(store, arrays)
    ended = call_tool(monkeypatch, capfd, 'data/pack_videos.py', '--check', store)
    assert says in ended.error_line()


def test_check_finds_groups_of_another_length(stores, tmp_path):
    """As in a store whose files all say another distance between key frames than its videos have."""
    store = tmp_path / 'mp4'
    shutil.copytree(stores / 'mp4', store)
    for name in ('store.json', 'packing.json'):
        content = json.loads((store / name).read_text())
        content.get('settings', content)['gop'] = 5
        (store / name).write_text(json.dumps(content))
    forget_store(str(store))
    assert list(unreadable_videos(open_store(str(store)))) == list(FIRST)
    assert list(unreadable_videos(open_store(str(stores / 'mp4')))) == []


def test_a_packing_that_goes_on_trusts_no_shard_that_lies(stores, videos, tmp_path):
    store = tmp_path / 'jpg'
    shutil.copytree(stores / 'jpg', store)
    files = sorted(store.glob('shard-*.json'))
    original = json.loads(files[0].read_text())
    cases = [dict(original, **{key: value}) for key in original for value in ODD[::5]]
    cases += [dict(original, file=name) for name in ('../x.tar', '/etc/passwd', f'{original["file"]}\0')]
    cases += [
        dict(original, videos=[dict(original['videos'][0], **{key: value})])
        for key in original['videos'][0]
        for value in (None, -1, 10**7, '../x')
    ]
    for case in cases:
        (store / 'store.json').unlink(missing_ok=True)
        files[0].write_text(json.dumps(case))
        pack_videos(store, videos, StoreSettings('jpg', short_side=48))
        read_all(store)


@pytest.mark.parametrize('name', ['../x', 'a/../../x', '/x', 'a//x', './x', '', 'a\0', 'a\nb'])
def test_names_that_lead_out_of_a_store_are_not_packed(videos, tmp_path, name):
    with pytest.raises(InputError, match='cannot be in a store'):
        pack_videos(tmp_path / 's', [SourceVideo(videos[0].path, name)], StoreSettings('jpg'))
