"""Features that are computed once are those of the weights that were asked for, and are found again."""

import numpy as np
import pytest
from conftest import write_video

from auxskd_mm.apis import init_model
from auxskd_mm.apis import label_choice as choice
from auxskd_mm.errors import InputError
from auxskd_mm.evaluation.feature_bank import FeatureBank
from auxskd_mm.weight_hash import weights_digest


@pytest.fixture
def videos(tmp_path):
    for i in range(2):
        write_video(tmp_path / f'{i}.mp4', num_frames=30)
    return [str(tmp_path / f'{i}.mp4') for i in range(2)]


def test_a_name_of_the_zoo_brings_its_weights_and_finds_its_file_again(videos, tmp_path):
    words = dict(num_clips=1, num_workers=0, device='cpu')
    first = choice.cached_features(tmp_path / 'f.npz', videos, 'vspp_motion', **words)
    own = init_model('vspp_motion', device='cpu').backbone.state_dict()
    assert first.protocol['weights'] == weights_digest(own)
    for name in ('vspp_motion', 'demo/vspp_motion', 'auxskd_mm::demo/vspp_motion.py', 'configs/demo/vspp_motion.py'):
        again = choice.cached_features(tmp_path / 'f.npz', videos, name, **words)
        np.testing.assert_array_equal(again.features, first.features)
    with pytest.raises(InputError, match=r'holds features of config vspp_motion\.py, not auxskd_motion\.py'):
        choice.cached_features(tmp_path / 'f.npz', videos, 'auxskd_motion', **words)
    with pytest.raises(InputError, match=r'holds features of num_clips 1, not 3; remove it'):
        choice.cached_features(tmp_path / 'f.npz', videos, 'vspp_motion', **{**words, 'num_clips': 3})
    any_number = choice.cached_features(tmp_path / 'f.npz', videos, 'vspp_motion', num_workers=0)
    np.testing.assert_array_equal(any_number.features, first.features)


def test_the_number_of_clips_is_known_also_where_the_sampler_names_none(tmp_path):
    """``extract_features(pipeline=...)`` with a sampler of its own, which takes one clip by default; and one with crops."""
    for clips, sampler, fits in ((1, '', 1), (6, ', num_clips=2', 2)):
        protocol = dict(clips=clips, sampler=f'type=SampleFrames, clip_len=8{sampler}')
        FeatureBank(np.ones((1, 2), np.float32), np.zeros(1, np.int64), ['a.mp4'], protocol).save(tmp_path / 'f.npz')
        assert choice.cached_features(tmp_path / 'f.npz', (), num_clips=fits).names == ['a.mp4']
        with pytest.raises(InputError, match=rf'holds features of num_clips {fits}, not 4; remove it'):
            choice.cached_features(tmp_path / 'f.npz', (), num_clips=4)


def test_a_flat_name_of_the_package_is_the_name_of_its_file(tmp_path):
    bank = FeatureBank(np.ones((1, 2), np.float32), np.zeros(1, np.int64), ['a.mp4'], dict(config='vspp_r21d_k100.py'))
    bank.save(tmp_path / 'f.npz')
    for name in ('vspp_r21d_k100', 'auxskd_mm::vspp_r21d_k100.py'):
        assert choice.cached_features(tmp_path / 'f.npz', (), name).names == ['a.mp4']


def test_a_classifier_by_name_has_its_weights(videos, monkeypatch):
    asked = []
    monkeypatch.setattr(choice, 'init_model', lambda *args: asked.append(args))
    monkeypatch.setattr(choice, 'predict', lambda *args, **words: [])
    bank = FeatureBank(np.ones((2, 2), np.float32), np.zeros(2, np.int64), videos)
    with pytest.raises(ValueError, match='at least one array'):
        choice.classifier_probabilities('vspp_motion', None, bank, 'cpu')
    assert asked == [('vspp_motion', None, 'cpu')]


def test_features_that_cannot_be_kept_are_not_computed(videos, monkeypatch):
    monkeypatch.setattr(choice, 'extract_features', lambda *args, **words: pytest.fail('computed'))
    with pytest.raises(InputError, match=r'^/proc/x/f\.npz: cannot be written'):
        choice.cached_features('/proc/x/f.npz', videos)


def test_labelled_windows_are_known_by_their_times_however_they_are_written(tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr(choice, 'print_log', lambda text, **words: said.append(text))
    names = [str(tmp_path / f'm.mp4#t={span}') for span in ('0,3', '2.5,5', '6,9')]
    table = tmp_path / 'labels.csv'
    table.write_text('path;label\n"m.mp4#t=0.0,03.00";a\n" m.mp4#t=2.50,5 ";b\n"m.mp4#t=1,2";a\n"m.mp4#t=6,9";\n')
    assert choice.read_labelled(table, names, str(tmp_path)) == ({0: 'a', 1: 'b'}, [str(tmp_path / 'm.mp4#t=1,2')])
    assert '1 of its labelled videos are not among the 3 videos' in said[0]
    table.write_text('path;label\n"m.mp4#t=0,3";a\n"m.mp4#t=5,2";b\n')
    with pytest.raises(InputError, match=r'labels\.csv: line 3: .*m\.mp4#t=5,2: start 5 is not before end 2'):
        choice.read_labelled(table, names, str(tmp_path))


def test_a_window_has_the_label_of_its_recording_unless_it_has_one_of_its_own(tmp_path):
    names = [str(tmp_path / name) for name in ('a.mp4#t=0,3', 'b.mp4#t=0,3', 'a.mp4#t=3,6', 'c.mp4')]
    table = tmp_path / 'labels.csv'
    table.write_text('path,label\na.mp4,walk\n"a.mp4#t=3,6",run\n')
    assert choice.read_labelled(table, names, str(tmp_path)) == ({0: 'walk', 2: 'run'}, [])
    table.write_text('path,label\na.mp4,walk\na.mp4,run\n')
    with pytest.raises(InputError, match=r'line 3: a\.mp4 has two labels, walk and run'):
        choice.read_labelled(table, names, str(tmp_path))
    table.write_text('path,label\n"a.mp4#t=1,2",walk\n')  # the labels of another round may have other times
    assert choice.read_labelled(table, names, str(tmp_path)) == ({}, [str(tmp_path / 'a.mp4#t=1,2')])
    table.write_text('path,label\n"d.mp4#t=1,2",walk\nc.mp4,\n')
    with pytest.raises(InputError, match='none of its 1 labelled videos is among the 4 videos'):
        choice.read_labelled(table, names, str(tmp_path))


@pytest.mark.parametrize('strategy', ['typical', 'diverse', 'uncertain', 'random'])
def test_of_windows_that_overlap_one_is_chosen_and_none_beside_a_label(strategy):
    """Two of them could get two labels, which no tool takes."""
    names = [f'm.mp4#t={i},{i + 2}' for i in range(10)]
    drawn = np.random.default_rng(0).normal(size=(10, 4)).astype(np.float32)
    bank = FeatureBank(drawn, np.zeros(10, np.int64), names)
    chances = np.random.default_rng(1).dirichlet((1, 1), 10)
    labelled = choice.Labelled({3: 'a'}, [])
    found = choice.select_to_label(bank, 4, strategy, labelled=labelled, probabilities=chances)
    assert {one.path for one in found} == {names[i] for i in (0, 5, 7, 9)}  # 3 to 5 s has the label
    with pytest.raises(InputError, match=r'count=5: expected 1 to 4'):
        choice.select_to_label(bank, 5, strategy, labelled=labelled, probabilities=chances)
    beside = choice.Labelled({3: 'a'}, ['other.mp4#t=0,20', 'm.mp4#t=7.5,8'])  # 6 to 8 and 7 to 9 s overlap the latter
    found = choice.select_to_label(bank, 3, strategy, labelled=beside, probabilities=chances)
    assert {one.path for one in found} == {names[i] for i in (0, 5, 8)}


def test_features_of_windows_that_are_asked_for_whole_name_the_window(videos, tmp_path):
    named = [f'{video}#t=0,0.5' for video in videos]
    FeatureBank(np.ones((2, 2), np.float32), np.zeros(2, np.int64), named).save(tmp_path / 'f.npz')
    with pytest.raises(InputError, match=r'has no feature of any of the 2 videos.*give the --window that it was made'):
        choice.cached_features(tmp_path / 'f.npz', videos)
