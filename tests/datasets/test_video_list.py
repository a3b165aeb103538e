"""Sources of videos, and the handling of unreadable ones."""

import pickle
import re

import cv2
import numpy as np
import pytest
import torch
from conftest import counted_frame, write_video
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader

from auxskd_mm.datasets import UnlabeledVideoDataset
from auxskd_mm.datasets.video_list import _READ
from auxskd_mm.errors import InputError

PIPELINE = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(type='auxskd_mm.SegmentPaceSample', clip_len=8, mode='fit'),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', algorithm_keys=('pace_label', 'segment_label'), meta_keys=('filename', 'sample_idx')),
]


@pytest.fixture
def folder(tmp_path):
    """Two classes of two videos each, a frame folder and a text file."""
    for name in ('run/a.mp4', 'run/b.mp4', 'jump/c.mp4', 'jump/d.mkv'):
        path = tmp_path / 'videos' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_video(path, num_frames=20)
    frames = tmp_path / 'videos' / 'frames' / 'e'
    frames.mkdir(parents=True)
    for i in range(12):
        cv2.imwrite(str(frames / f'frame{i + 1:06}.jpg'), counted_frame(i))
    (tmp_path / 'videos' / 'readme.txt').write_text('hello')
    return tmp_path / 'videos'


def names(dataset):
    return [dataset.get_data_info(i)['filename'].split('videos/')[1] for i in range(len(dataset))]


def test_folder_glob_list_and_several(folder):
    everything = ['frames/e', 'jump/c.mp4', 'jump/d.mkv', 'run/a.mp4', 'run/b.mp4']
    assert names(UnlabeledVideoDataset(str(folder))) == everything
    assert names(UnlabeledVideoDataset(f'{folder}/**/*.mp4')) == ['jump/c.mp4', 'run/a.mp4', 'run/b.mp4']
    assert names(UnlabeledVideoDataset(f'{folder}/frames/*')) == ['frames/e']
    listed = folder / 'train.list'
    listed.write_text('run/a 20\njump/d 20\nframes/e 12\n')
    dataset = UnlabeledVideoDataset(listed)
    assert names(dataset) == ['run/a.mp4', 'jump/d.mkv', 'frames/e']
    assert dataset.get_data_info(2)['total_frames'] == 12
    assert len(UnlabeledVideoDataset([f'{folder}/run', str(listed)])) == 5
    assert names(UnlabeledVideoDataset(f'{folder}/run/a.mp4')) == ['run/a.mp4']


def test_prefix_suffix_and_labels(folder, tmp_path):
    listed = tmp_path / 'elsewhere.txt'
    listed.write_text('a 0\nb 1\n')
    dataset = UnlabeledVideoDataset(listed, data_prefix=dict(video=f'{folder}/run'), suffix='.mp4')
    assert names(dataset) == ['run/a.mp4', 'run/b.mp4']
    assert [dataset.get_data_info(i)['label'] for i in range(2)] == [0, 1]


def test_a_name_without_suffix_is_the_one_file_that_has_it(folder, tmp_path):
    """The first suffix of an order was taken, so another video could have the label."""
    (folder / 'run' / 'a').symlink_to(folder / 'frames' / 'e')
    (folder / 'run' / 'b.mp4').rename(folder / 'run' / 'b.MP4')
    np.save(folder / 'jump' / 'c.npy', np.zeros((3, 2)))  # its keypoints
    (folder / 'jump' / 'd.mp4').symlink_to('d.mkv')
    for lines in (['jump/d', 'jump/c', 'run/b', 'run/a'], ['run/a', 'run/b', 'jump/c', 'jump/d']):
        (tmp_path / 'list.txt').write_text('\n'.join(lines))
        found = names(UnlabeledVideoDataset(tmp_path / 'list.txt', data_prefix=str(folder)))
        assert sorted(found) == ['jump/c.mp4', 'jump/d.mkv', 'run/a', 'run/b.MP4']
    (folder / 'jump' / 'c.mkv').write_bytes((folder / 'jump' / 'd.mkv').read_bytes())
    for name in ('jump/c', 'jump/c#t=0,0.1'):
        (tmp_path / 'list.txt').write_text(f'run/a\n{name}\n')
        with pytest.raises(
            InputError, match=rf'list\.txt: jump/c may be c\.mkv or c\.mp4 in {folder}/jump; write the suffix of one$'
        ):
            UnlabeledVideoDataset(tmp_path / 'list.txt', data_prefix=str(folder))
    (tmp_path / 'list.txt').write_text('c\n')
    assert names(UnlabeledVideoDataset(tmp_path / 'list.txt', f'{folder}/jump', suffix='.mkv')) == ['jump/c.mkv']


def test_a_subclass_says_where_its_frames_begin(folder):
    class FromOne(UnlabeledVideoDataset):
        def load_data_list(self):
            return [dict(sample, start_index=1) for sample in super().load_data_list()]

    info = FromOne(str(folder), pipeline=PIPELINE).get_data_info(0)
    assert (info['start_index'], info['modality']) == (1, 'RGB')


def test_repetitions_are_samples_of_their_own(folder):
    pipeline = [dict(PIPELINE[0]), dict(PIPELINE[1], seed=5), *PIPELINE[2:]]
    dataset = UnlabeledVideoDataset(f'{folder}/run', pipeline=pipeline, repeat=3, test_mode=True)
    assert len(dataset) == 6
    samples = [dataset[i]['data_samples'] for i in range(6)]
    assert [s.sample_idx for s in samples] == list(range(6))
    assert samples[1].filename == samples[3].filename
    assert len({(int(s.pace_label[0]), int(s.segment_label[0])) for s in samples}) > 1
    again = [dataset[i]['data_samples'] for i in range(6)]
    assert [int(s.pace_label[0]) for s in samples] == [int(s.pace_label[0]) for s in again]


def test_one_bad_video_is_replaced_and_reported(folder):
    (folder / 'run' / 'b.mp4').write_bytes(b'broken')
    dataset = UnlabeledVideoDataset(str(folder), pipeline=PIPELINE, max_bad_share=0.0)
    np.random.seed(0)
    assert all(dataset[i]['inputs'].shape == (1, 3, 8, 48, 64) for i in range(5))
    assert dataset.bad_videos() == [str(folder / 'run' / 'b.mp4')]


def test_replacements_are_marked_and_the_same_every_time_in_test_mode(folder):
    (folder / 'jump' / 'c.mp4').write_bytes(b'broken')
    dataset = UnlabeledVideoDataset(str(folder), pipeline=PIPELINE, test_mode=True)
    samples = [dataset[i]['data_samples'] for i in range(5)]
    assert [bool(s.get('replacement', False)) for s in samples] == [False, True, False, False, False]
    assert samples[1].filename == samples[2].filename == dataset[1]['data_samples'].filename


def test_replacements_do_not_depend_on_what_is_known_to_be_bad(folder):
    for name in ('run/a.mp4', 'run/b.mp4', 'jump/c.mp4'):
        (folder / name).write_bytes(b'broken')
    asked = UnlabeledVideoDataset(str(folder), pipeline=PIPELINE, max_bad_share=1.0)
    bad = next(i for i in range(5) if asked.get_data_info(i)['filename'].endswith('b.mp4'))
    knowing = UnlabeledVideoDataset(str(folder), pipeline=PIPELINE, max_bad_share=1.0)
    [knowing[i] for i in range(5)]
    assert knowing.bad_count == 3
    taken = []
    for known in (False, True):
        for seed in range(12):
            dataset = knowing if known else UnlabeledVideoDataset(str(folder), pipeline=PIPELINE, max_bad_share=1.0)
            np.random.seed(seed)
            sample = dataset[bad]['data_samples']
            taken.append((sample.filename, int(sample.pace_label[0]), np.random.randint(1000)))
    assert taken[:12] == taken[12:]
    assert len({name for name, *_ in taken}) == 2  # both whole videos are drawn


def test_too_many_bad_videos_stop_the_run(folder):
    for name in ('run/a.mp4', 'run/b.mp4'):
        (folder / name).write_bytes(b'broken')
    dataset = UnlabeledVideoDataset(str(folder), pipeline=PIPELINE, max_bad_share=0.2)
    with pytest.raises(InputError, match=r'2 of \d videos tried cannot be read.*max_bad_share=0.2'):
        [dataset[i] for i in range(5)]
    alone = folder / 'run'
    with pytest.raises(InputError, match=r'none of the 1 videos can be read|2 of 2 videos'):
        UnlabeledVideoDataset(f'{alone}/*.mp4', pipeline=PIPELINE)[0]


def test_workers_share_what_they_know(folder):
    (folder / 'run' / 'b.mp4').write_bytes(b'broken')
    dataset = UnlabeledVideoDataset(str(folder), pipeline=PIPELINE, repeat=4, max_bad_share=0.0)
    loader = DataLoader(dataset, batch_size=2, num_workers=2, collate_fn=pseudo_collate)
    assert sum(len(batch['inputs']) for batch in loader) == 20
    assert dataset.bad_count == 1
    assert dataset.bad_videos() == [str(folder / 'run' / 'b.mp4')]


def test_a_worker_error_reaches_the_user_as_one_line(folder):
    from auxskd_mm.launch.tool import describe

    for path in folder.glob('*/*.m*'):
        path.write_bytes(b'broken')
    dataset = UnlabeledVideoDataset(f'{folder}/*/*.m*', pipeline=PIPELINE)
    loader = DataLoader(dataset, batch_size=2, num_workers=1, collate_fn=pseudo_collate)
    with pytest.raises(InputError) as error:
        list(loader)
    line = describe(error.value)
    assert re.match(r'2 of 2 videos tried cannot be read', line)
    assert '\n' not in line


@pytest.mark.parametrize(
    ('make', 'says'),
    [
        (lambda d: dict(source=''), 'source is empty'),
        (lambda d: dict(source=f'{d}/none.list'), 'no such list file'),
        (lambda d: dict(source=f'{d}/*.webm'), 'the glob matches no video'),
        (lambda d: dict(source=f'{d}/empty'), 'no videos'),
        (lambda d: dict(source=f'{d}/lost.list'), 'none of its first 2 videos exists'),
        (lambda d: dict(source=str(d), repeat=0), 'repeat=0'),
        (lambda d: dict(source=str(d), max_bad_share=2), 'max_bad_share=2'),
    ],
)
def test_bad_sources_are_one_line(folder, make, says):
    (folder / 'empty').mkdir()
    (folder / 'lost.list').write_text('x/y.mp4 0\nx/z.mp4 1\n')
    with pytest.raises(InputError, match=re.escape(says)) as error:
        UnlabeledVideoDataset(**make(folder))
    assert '\n' not in str(error.value)


def test_start_up_and_pickling_stay_small(folder, tmp_path):
    listed = tmp_path / 'long.list'
    listed.write_text(''.join(f'{folder}/run/a.mp4 {i % 7}\n' for i in range(5000)))
    dataset = UnlabeledVideoDataset(listed)
    assert len(dataset) == 5000
    # A started worker must not carry a copy of the list and must share the status bytes.
    copy = pickle.loads(pickle.dumps(dataset.__class__(source=str(folder / 'run'))))
    assert len(copy) == 2
    assert dataset._status.is_shared()
    assert isinstance(dataset._status, torch.Tensor)


def test_a_window_of_a_file_with_brackets_in_its_name_is_no_glob(tmp_path):
    path = write_video(tmp_path / 'match [final].mp4', 50)
    (name,) = (video.name for video in UnlabeledVideoDataset(f'{path}#t=0.4,1').source_videos())
    assert name == 'match [final].mp4#t=0.4,1'


def test_half_of_the_first_fifty_may_be_bad_and_no_more(tmp_path):
    path = write_video(tmp_path / 'a.mp4')
    (tmp_path / 'long.list').write_text(f'{path}\n' * 1000)
    dataset = UnlabeledVideoDataset(tmp_path / 'long.list', max_bad_share=1.0)
    dataset._status[:25] = _READ
    for number in range(25, 50):
        dataset._give_up_on(number, path, OSError('broken'))
    with pytest.raises(InputError, match='26 of 51 videos tried cannot be read'):
        dataset._give_up_on(50, path, OSError('broken'))


def test_a_replacement_of_a_video_that_fails_late_is_the_same_too(tmp_path):
    """Images are read after the clips are drawn, so these draws have to be forgotten."""
    write_video(tmp_path / 'whole.mp4', 60)
    for number in range(2):
        (tmp_path / f'broken{number}').mkdir()
        for i in range(20):
            (tmp_path / f'broken{number}' / f'{i}.png').write_bytes(b'no image')
    clips = []
    for known in (0, 1, 2):
        draws = []
        for seed in range(8):
            dataset = UnlabeledVideoDataset(str(tmp_path), pipeline=PIPELINE, max_bad_share=1.0)
            for number in range(known):
                dataset[1 + number]
            np.random.seed(seed)
            draws.append(dataset[1]['inputs'].numpy().tobytes())
        clips.append(draws)
    assert clips[0] == clips[1] == clips[2]
    assert len(set(clips[0])) > 1


@pytest.mark.parametrize('test_mode', [False, True])
def test_steps_know_whether_it_is_a_test(folder, test_mode):
    dataset = UnlabeledVideoDataset(f'{folder}/run/a.mp4', pipeline=PIPELINE[:3], repeat=2, test_mode=test_mode)
    assert [sample['test_mode'] for sample in (dataset[0], *dataset.__getitems__([0, 1]))] == [test_mode] * 3


def test_names_of_videos_outside_the_folder_of_their_list_are_their_paths(folder):
    (folder / 'run' / 'some.list').write_text('a.mp4\n../jump/c.mp4\n')
    names_in_store = [video.name for video in UnlabeledVideoDataset(folder / 'run' / 'some.list').source_videos()]
    assert names_in_store == ['a.mp4', f'{folder}/jump/c.mp4'.lstrip('/')]


@pytest.mark.parametrize('test_mode', [False, True])
def test_where_no_video_is_left_the_run_stops(tmp_path, test_mode):
    (tmp_path / 'a.mp4').write_bytes(b'broken')
    with pytest.raises(InputError, match='none of the 1 videos can be read'):
        UnlabeledVideoDataset(f'{tmp_path}/a.mp4', pipeline=PIPELINE, test_mode=test_mode)[0]
