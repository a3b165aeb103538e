"""No group is on two sides, no clip to choose by or to test on is in the pool, and few groups are an answer."""

import dataclasses

import pytest
from made_up_rows import splits_of, videos

from auxskd_mm.datasets import LabeledVideoDataset, UnlabeledVideoDataset
from auxskd_mm.errors import InputError
from auxskd_mm.own_videos.splits import everything, make_splits, pool_of, shuffled, write_lists
from auxskd_mm.own_videos.videos import Found, Video


def quiet(line):
    pass


def names(videos_):
    return {video.name for video in videos_}


@pytest.mark.parametrize('groups', [3, 6, 12])
def test_no_group_is_on_two_sides_and_every_class_on_each(groups):
    found = videos(classes=3, groups=groups)
    for split in make_splits(found, 5, quiet):
        sides = [split.fit, split.choice, split.test]
        owned = [{video.group for video in side} for side in sides]
        assert not owned[0] & owned[1] | owned[0] & owned[2] | owned[1] & owned[2]
        assert all({video.label for video in side} == set(found.classes) for side in sides)
        assert names(found.labeled) == set.union(*map(names, sides))
        assert split.by_group


def test_splits_differ_and_three_groups_give_six_at_most():
    made = make_splits(videos(classes=2, groups=3, each=10), 10, quiet)
    assert 3 <= len(made) <= 6
    assert len({(frozenset(names(s.test)), frozenset(names(s.choice))) for s in made}) == len(made)
    assert [split.seed for split in made] == list(range(len(made)))


def test_two_groups_choose_by_clips_and_say_so():
    said = []
    made = make_splits(videos(classes=2, groups=2, each=8), 5, said.append)
    for split in made:
        assert not split.by_group
        assert not {v.group for v in split.fit} & {v.group for v in split.test}
        assert split.choice
    assert any('too few groups' in line for line in said)


def test_one_group_cannot_be_split():
    with pytest.raises(InputError, match='group'):
        make_splits(videos(classes=2, groups=1, each=8), 5, quiet)


def lines(path):
    return path.read_text().splitlines()


def test_lists_keep_held_out_clips_out_of_the_pool(tmp_path):
    found = videos(classes=2, groups=6, each=1, unlabeled=4)
    split = make_splits(found, 1, quiet)[0]
    write_lists(tmp_path, split, found)
    pool, held = set(lines(tmp_path / 'pool.txt')), set(lines(tmp_path / 'held_out.txt'))
    assert pool == names(split.fit) | {f'pool/{i}.mp4' for i in range(4)}
    assert held == names(split.choice) | names(split.test)
    assert len(lines(tmp_path / 'batches.txt')) >= 16
    assert {line.rsplit(' ', 1)[0] for line in lines(tmp_path / 'batches.txt')} == names(split.fit)
    assert {line.rsplit(' ', 1)[0]: int(line.rsplit(' ', 1)[1]) for line in lines(tmp_path / 'train.txt')} == {
        video.name: found.classes.index(video.label) for video in split.fit
    }
    assert set(lines(tmp_path / 'choice.txt')) == names(split.choice)


def test_an_unlabelled_video_of_a_held_out_group_is_not_pretrained_on():
    found = videos(classes=2, groups=6, each=1, unlabeled=4)
    split = make_splits(found, 1, quiet)[0]
    free = [video for video in found.videos if video.label is None]
    owners = [split.test[0].group, split.choice[0].group, split.fit[0].group, 'nobody']
    moved = {video.name: dataclasses.replace(video, group=group) for video, group in zip(free, owners)}
    found = Found([moved.get(video.name, video) for video in found.videos], found.grouped)
    assert {video.group for video in pool_of(split, found) if video.label is None} == set(owners[2:])


def test_a_window_without_a_group_is_not_pretrained_on_where_its_recording_is_held_out():
    """The labelled windows of a recording have several groups, so the others have the name of the recording as group."""
    found = videos(classes=2, groups=6, each=1)

    def window(video, i, **changes):
        name = f'{video.group}.mp4#t={i},{i + 1}'
        return dataclasses.replace(video, name=name, path=f'/v/{name}', **changes)

    labeled = [window(video, i) for i, video in enumerate(found.videos)]
    rest = [window(video, 50, label=None, group=f'{video.group}.mp4') for video in found.videos[:6]]
    found = Found([*labeled, *rest], True)
    for split in make_splits(found, 5, quiet):
        pool = [video for video in pool_of(split, found) if video.label is None]
        assert {video.group for video in pool} == {f'{video.group}.mp4' for video in split.fit}


def test_the_model_to_take_home_learns_from_every_label(tmp_path):
    found = videos(unlabeled=2)
    write_lists(tmp_path, everything(found), found)
    assert len(lines(tmp_path / 'train.txt')) == len(found.labeled)


def test_shuffled_labels_keep_their_counts():
    found = videos(classes=2, groups=5, unlabeled=3)
    mixed = shuffled(found)
    assert sorted(v.label for v in mixed.labeled) == sorted(v.label for v in found.labeled)
    assert [v.name for v in mixed.videos] == [v.name for v in found.videos]
    assert mixed.videos != found.videos
    assert isinstance(mixed, Found)


def test_shuffled_windows_that_overlap_have_one_label():
    """Lists refuse windows of two labels that overlap. Of 12 stretches, each class has 6, as before."""
    spans = [(r, 0.5 * i) for r in range(6) for i in range(4)] + [(r, 9.0) for r in range(6)]
    found = Found(
        [Video(f'{r}.mp4#t={t:g},{t + 1:g}', f'/v/{r}.mp4#t={t:g},{t + 1:g}', 'ab'[r % 2], f'{r}') for r, t in spans],
        False,
    )
    for seed in range(5):
        labels = [video.label for video in shuffled(found, seed).videos]
        assert all(len(set(labels[4 * r : 4 * r + 4])) == 1 for r in range(6))
        assert sum(label == 'a' for label in [*labels[0:24:4], *labels[24:]]) == 6


@pytest.mark.parametrize('groups', [2, 3, 4])
def test_the_first_splits_of_few_groups_test_each_group_once(groups):
    """An interval counts tested groups: three splits that test on two of three groups waste the third."""
    made = make_splits(videos(classes=2, groups=groups, each=8), 10, quiet)[:groups]
    tested = [{video.group for video in split.test} for split in made]
    assert sum(map(len, tested)) == len(set.union(*tested)) == groups


def test_names_with_blanks_are_read_back(tmp_path):
    found = videos(classes=2, groups=5, each=4, unlabeled=2)
    renamed = []
    for i, video in enumerate(found.videos):
        # Frame folders have no suffix.
        name = video.name.replace('/', '/my clip ') if i % 3 else video.name.replace('.mp4', ' 1 2').replace('/', '/f ')
        path = tmp_path / 'videos' / name
        path.mkdir(parents=True) if name.endswith('1 2') else path.parent.mkdir(parents=True, exist_ok=True)
        (path / '1.png' if path.is_dir() else path).touch()
        renamed.append(Video(name, str(path), video.label, video.group))
    found = Found(renamed, True)
    split = splits_of(found)[0]
    lists, prefix = write_lists(tmp_path / 'lists', split, found), str(tmp_path / 'videos')
    read = LabeledVideoDataset(str(lists / 'train.txt'), data_prefix=prefix, lazy_init=True).load_data_list()
    assert [(one['filename'], f'c{one["label"]}') for one in read] == [(v.path, v.label) for v in split.fit]
    for name, expected in ('held_out', [*split.choice, *split.test]), ('pool', pool_of(split, found)):
        source = UnlabeledVideoDataset(str(lists / f'{name}.txt'), data_prefix=prefix, lazy_init=True)
        assert {one['filename'] for one in source.load_data_list()} == {video.path for video in expected}
