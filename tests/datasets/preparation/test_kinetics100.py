"""Kinetics-100 by folder size and from a list."""

import pytest

from auxskd_mm.datasets.preparation.kinetics100 import (
    prepare_kinetics100_by_size,
    prepare_kinetics100_from_list,
    smallest_classes,
)
from auxskd_mm.errors import InputError

# Bytes of each class: two videos each, so that files have to be added up; 'baking' and 'archery' tie.
SIZES = {'waving': (5, 1), 'archery': (2, 2), 'baking': (1, 3), 'diving': (9, 9), 'eating_cake': (0, 1)}


def make(root, sizes=SIZES, space=False):
    for name, files in sizes.items():
        folder = root / (name.replace('_', ' ') if space else name)
        folder.mkdir(parents=True)
        for i, size in enumerate(files):
            (folder / f'{name[:2]}_{i}.mp4').write_bytes(b'x' * size)
    return root


def test_smallest_classes(tmp_path):
    make(tmp_path)
    (tmp_path / 'a_file').write_bytes(b'')
    expected = [('eating_cake', 1), ('archery', 4), ('baking', 4), ('waving', 6), ('diving', 18)]
    assert smallest_classes(tmp_path, 5) == expected
    assert smallest_classes(tmp_path, 2) == expected[:2]
    with pytest.raises(InputError, match='5 class folders, cannot take the 6 smallest'):
        smallest_classes(tmp_path, 6)
    with pytest.raises(InputError, match='count=-1: expected at least 1'):  # all but one
        smallest_classes(tmp_path, -1)
    with pytest.raises(InputError, match='no such folder'):
        smallest_classes(tmp_path / 'none', 1)


def test_lists_by_size(tmp_path):
    train, val = make(tmp_path / 'train'), make(tmp_path / 'val')
    counts = prepare_kinetics100_by_size(train, val, tmp_path / 'out', count=3)
    assert counts == dict(classes=3, train=6, val=6)
    out = tmp_path / 'out'
    assert (out / 'classes.txt').read_text().split() == ['archery', 'baking', 'eating_cake']
    assert (out / 'train.txt').read_text().splitlines()[::2] == [
        'archery/ar_0.mp4 0',
        'baking/ba_0.mp4 1',
        'eating_cake/ea_0.mp4 2',
    ]
    assert (out / 'sizes.csv').read_text().splitlines() == [
        'class,bytes',
        '"eating_cake",1',
        '"archery",4',
        '"baking",4',
    ]
    val = make(tmp_path / 'val2', {name: files for name, files in SIZES.items() if name != 'baking'})
    with pytest.raises(InputError, match=r'val2: no videos of 1 of 3 classes, e.g. baking'):
        prepare_kinetics100_by_size(train, val, out, count=3)


def test_lists_from_a_list(tmp_path):
    videos = make(tmp_path / 'train', space=True)
    names = tmp_path / 'k.list'
    names.write_text('eating_cake/ea_0 300\neating_cake/ea_1 250\nwaving/wa_1 299\nwaving/wa_7 298\n')
    with pytest.raises(InputError, match=r'1 of 4 videos are not in .*, 10% may be: waving/wa_7'):
        prepare_kinetics100_from_list(videos, names, tmp_path / 'out')
    with pytest.raises(InputError, match=r"2 paths hold the delimiter ' ': eating cake/ea_0.mp4"):
        prepare_kinetics100_from_list(videos, names, tmp_path / 'out', max_missing_share=0.25)
    counts = prepare_kinetics100_from_list(
        videos, names, tmp_path / 'out', val=videos, max_missing_share=0.25, delimiter=','
    )
    assert counts == dict(classes=2, train=3, missing=1, val=4)
    assert (tmp_path / 'out/train.txt').read_text().splitlines() == [
        'eating cake/ea_0.mp4,0',
        'eating cake/ea_1.mp4,0',
        'waving/wa_1.mp4,1',
    ]
    assert (tmp_path / 'out/missing.txt').read_text() == 'waving/wa_7\n'
    assert (tmp_path / 'out/val.txt').read_text().count(',1') == 2
    prepare_kinetics100_from_list(videos, names, tmp_path / 'out', max_missing_share=0.25, delimiter=',')
    assert not (tmp_path / 'out/val.txt').exists()  # of no longer asked for videos, perhaps of other classes


def test_classes_of_a_list_of_paths(tmp_path):
    """A folder before the class would be the one class of all videos, which are found by their names."""
    videos, names = make(tmp_path / 'train'), tmp_path / 'k.list'
    for odd in ('v1', 'train/waving/wa_1', f'{videos}/waving/wa_1'):
        names.write_text(f'{odd} 300\n')
        with pytest.raises(InputError, match=rf"k.list: '{odd}', expected lines 'class/video'"):
            prepare_kinetics100_from_list(videos, names, tmp_path / 'out', list_format='path num_frames')
    names.write_text('./eating_cake/ea_0\n./waving/wa_1\n')
    prepare_kinetics100_from_list(videos, names, tmp_path / 'out')
    assert (tmp_path / 'out/train.txt').read_text() == 'eating_cake/ea_0.mp4 0\nwaving/wa_1.mp4 1\n'
