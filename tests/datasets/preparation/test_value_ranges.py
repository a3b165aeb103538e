"""Percentiles of the values of a set."""

from __future__ import annotations

import numpy as np

from auxskd_mm.datasets.preparation.value_ranges import describe_values, measure_values


def test_percentiles_are_those_of_all_values(tmp_path):
    paths = []
    for i in range(3):
        array = np.random.RandomState(i).randint(100, 4000, (10, 30, 40)).astype(np.uint16)
        array[0, 0, 0] = 65535  # a hot pixel
        np.save(tmp_path / f'{i}.npy', array)
        paths.append(str(tmp_path / f'{i}.npy'))
    (found,) = measure_values(paths)
    everything = np.concatenate([np.load(path).ravel() for path in paths])
    low, high = np.percentile(everything, [0.1, 99.9])
    black, white = found.value_range
    assert (found.videos, found.most, str(found.kind)) == (3, 65535, 'uint16 pixels of 1 channel')
    assert abs(black - low) < 40
    assert abs(white - high) < 40
    (line,) = describe_values([found])
    assert f'set value_range=({black},{white})' in line


def test_small_videos_are_measured_whole(tmp_path):
    """Of the values 0 to 1999, two are below the 0.1th percentile and two above the 99.9th."""
    values = np.random.RandomState(0).permutation(2000).reshape(5, 20, 20)
    np.save(tmp_path / 'whole.npy', values.astype(np.uint16))
    np.save(tmp_path / 'parts.npy', (values / 3 - 100).astype(np.float32))
    whole, parts = measure_values([str(tmp_path / 'whole.npy'), str(tmp_path / 'parts.npy')])
    assert (whole.least, whole.most, repr(whole.value_range)) == (0, 1999, '(2, 1997)')
    assert repr(parts.value_range) == '(-99.3337, 565.667)'
    assert (parts.least, round(parts.most, 3)) == (-100, 566.333)


def test_the_most_frequent_kind_comes_first(tmp_path):
    for name, channels in (('a', 1), ('b', 2), ('c', 2), ('d', 4)):
        np.save(tmp_path / f'{name}.npy', np.ones((2, 4, 4, channels), np.uint16))
    found = measure_values([str(tmp_path / f'{name}.npy') for name in 'abcd'])
    assert [(one.videos, str(one.kind)[-10:]) for one in found] == [
        (2, '2 channels'), (1, ' 1 channel'), (1, '4 channels'),
    ]  # fmt: skip


def test_each_channel_and_each_kind_has_its_own(tmp_path):
    two = np.stack([np.full((4, 8, 8), 5.0), np.linspace(0, 1, 256).reshape(4, 8, 8)], -1)
    np.save(tmp_path / 'two.npy', two.astype(np.float32))
    np.save(tmp_path / 'one.npy', np.full((4, 8, 8), 7, np.uint16))
    (tmp_path / 'bad.npy').write_text('no array')
    found = {str(one.kind): one for one in measure_values([str(path) for path in sorted(tmp_path.iterdir())])}
    first, second = found['float32 pixels of 2 channels'].value_range
    assert first == (5.0, 6.0)
    assert 0 <= second[0] < 0.01 < 0.99 < second[1] <= 1
    assert found['uint16 pixels of 1 channel'].value_range == (7, 8)
    lines = {str(one.kind): describe_values([one])[0] for one in found.values()}
    setting = str(found['float32 pixels of 2 channels'].value_range).replace(' ', '')
    # Without the channels, the example says that the frames have one channel and not two.
    assert f'(--cfg-options channels=2 "value_range={setting}" with' in lines['float32 pixels of 2 channels']
    assert '(--cfg-options "value_range=(7,8)" with' in lines['uint16 pixels of 1 channel']
    assert describe_values(list(found.values()))[-1].startswith('warning: the videos have pixels of several kinds')
    assert describe_values([]) == []
