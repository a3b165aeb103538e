"""Banks survive the disk, and what cannot be compared is refused."""

import numpy as np
import pytest
from conftest import write_video

from auxskd_mm.datasets.packing import pack_videos
from auxskd_mm.datasets.recordings.names import Window, window_path
from auxskd_mm.datasets.stores import SourceVideo, StoreSettings
from auxskd_mm.errors import InputError
from auxskd_mm.evaluation.feature_bank import FeatureBank, check_comparable, entries_of


def bank(names='abc', width=4, labels=None, **protocol):
    count = len(names)
    features = np.random.default_rng(count).normal(size=(count, width)).astype(np.float32)
    labels = np.arange(count) if labels is None else np.asarray(labels)
    return FeatureBank(features, labels, list(names), dict(pooling='average', clips=10, **protocol))


def test_there_and_back(tmp_path):
    made = bank(['dir/ü 1.mp4', 'b'], checkpoint='x.pth')
    read = FeatureBank.load(made.save(tmp_path / 'sub' / 'bank.npz'))
    np.testing.assert_array_equal(read.features, made.features)
    assert read.features.dtype == np.float32
    assert (read.labels.tolist(), read.names, read.protocol) == ([0, 1], made.names, made.protocol)
    assert [path.name for path in (tmp_path / 'sub').iterdir()] == ['bank.npz']


def test_what_is_no_bank(tmp_path):
    with pytest.raises(InputError, match='no such feature file'):
        FeatureBank.load(tmp_path / 'none.npz')
    (tmp_path / 'text.npz').write_text('x')
    np.savez(tmp_path / 'other.npz', features=np.zeros((2, 2)))
    np.savez(tmp_path / 'pickle.npz', features=np.asarray([None]), labels=[0], names=['a'], protocol='{}')
    np.save(tmp_path / 'array', np.zeros(3))
    for name in ('text.npz', 'other.npz', 'pickle.npz', 'array.npy'):
        with pytest.raises(InputError, match=f'{name}: not a feature file'):
            FeatureBank.load(tmp_path / name)
    with pytest.raises(InputError, match=r'features \(3, 4\), 2 labels and 3 names'):
        FeatureBank(np.zeros((3, 4)), np.zeros(2), list('abc'))


@pytest.mark.parametrize(
    ('gallery', 'queries', 'says'),
    [
        (bank(), bank(''), 'there are no query videos'),
        (bank(), bank('de', labels=[0, -1]), 'query: 1 of 2 videos have no label, e.g. e'),
        (bank(), bank('de', width=5), 'gallery features are 4-d, query features 5-d'),
        (bank(checkpoint='1'), bank('de', checkpoint='2'), "differ in checkpoint: '1' and '2'"),
        (bank(), bank('cde'), '1 videos are in both gallery and queries, e.g. c'),
    ],
)
def test_what_cannot_be_compared(gallery, queries, says):
    with pytest.raises(InputError, match=says):
        check_comparable(gallery, queries)
    check_comparable(bank(), bank('de'))


def test_features_that_are_not_finite_are_refused_and_the_video_is_named(tmp_path):
    good = bank()
    for value in (np.nan, np.inf):
        features = good.features.copy()
        features[1, 2] = value
        with pytest.raises(InputError, match=r'^b: its feature is NaN or infinite \(1 of 3 videos\)'):
            FeatureBank(features, good.labels, good.names)
        np.savez(tmp_path / 'x.npz', features=features, labels=good.labels, names=good.names, protocol='{}')
        with pytest.raises(InputError, match=r'x\.npz: b: its feature is NaN or infinite'):
            FeatureBank.load(tmp_path / 'x.npz')


def test_features_that_are_no_numbers_are_refused_with_the_name_of_the_file(tmp_path):
    bank = FeatureBank(np.zeros((2, 3), np.float32), np.zeros(2, np.int64), ['a', 'b'])
    bank.save(tmp_path / 'features.npz')
    arrays = dict(np.load(tmp_path / 'features.npz'))
    np.savez(tmp_path / 'text.npz', **{**arrays, 'features': np.full((2, 3), 'x')})
    with pytest.raises(InputError, match=r'text\.npz: .*features of type <U1 .*expected numbers'):
        FeatureBank.load(tmp_path / 'text.npz')
    np.savez(tmp_path / 'halves.npz', **{**arrays, 'labels': np.full(2, 0.5)})
    with pytest.raises(InputError, match=r'halves\.npz: .*labels of type float64'):
        FeatureBank.load(tmp_path / 'halves.npz')


def test_copies_in_a_store_have_the_entries_of_their_videos(tmp_path):
    """Lists and groups of prepare_folder name the videos; features from a store name the copies."""
    folder = tmp_path / 'videos'
    folder.mkdir()
    videos = [str(write_video(folder / name, num_frames=8)) for name in ('a.mp4', 'b.mp4')]
    (tmp_path / 'link').symlink_to(tmp_path / 'videos')
    store = pack_videos(
        tmp_path / 'store', [SourceVideo(path, f'{i}.mp4') for i, path in enumerate(videos)], StoreSettings('raw')
    )
    copies = [f'{store.path}/{i}.mp4' for i in range(2)]
    elsewhere = str(tmp_path / 'c.mp4')
    assert entries_of([*videos, elsewhere], copies) == dict(zip(copies, videos))
    linked = str(tmp_path / 'link' / 'a.mp4')  # the same video by another path
    assert entries_of([linked], [*copies, elsewhere]) == {copies[0]: linked}
    assert entries_of(copies, copies) == dict(zip(copies, copies))
    # A window has its own entry, or that of its recording.
    windows = [window_path(videos[0], Window(0.0, 1.0)), window_path(videos[1], Window(1.0, 2.0))]
    assert entries_of([*videos, windows[0]], windows) == {windows[0]: windows[0], windows[1]: videos[1]}
    assert entries_of(videos[:1], windows) == {windows[0]: videos[0]}
