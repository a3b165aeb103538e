import os

import pytest
import torch
from mmengine.config import Config

from auxskd_mm.errors import InputError
from auxskd_mm.launch.resume import choose_checkpoint, find_last_good, is_whole


def write(folder, *numbers):
    paths = []
    for age, number in enumerate(numbers):
        paths.append(folder / f'iter_{number}.pth')
        torch.save(dict(meta=dict(iter=number), weight=torch.arange(5000.0)), paths[-1])
        os.utime(paths[-1], (1000 + age, 1000 + age))
    return paths


def spoil(path, how):
    content = bytearray(path.read_bytes())
    if how == 'bit':
        content[len(content) // 2] ^= 1
    path.write_bytes({'cut': content[:-100], 'bit': content, 'empty': b''}[how])


@pytest.mark.parametrize('how', ['cut', 'bit', 'empty'])
def test_damage_is_seen(how, tmp_path):
    (path,) = write(tmp_path, 1)
    assert is_whole(path)
    spoil(path, how)
    assert not is_whole(path)


def test_every_cut_is_seen(tmp_path):
    (path,) = write(tmp_path, 1)
    content = path.read_bytes()
    for length in range(0, len(content), 97):
        path.write_bytes(content[:length])
        assert not is_whole(path), length


def test_the_pointer_has_the_first_word_then_the_newest_file(tmp_path):
    paths = write(tmp_path, 3, 12, 9)
    assert find_last_good(tmp_path) == paths[2]
    (tmp_path / 'last_checkpoint').write_text(str(paths[1]))
    assert find_last_good(tmp_path) == paths[1]
    spoil(paths[1], 'cut')
    assert find_last_good(tmp_path) == paths[2]
    (tmp_path / 'last_checkpoint').write_text('')  # cut off by a crash of another tool
    assert find_last_good(tmp_path) == paths[2]


def test_a_moved_work_dir_keeps_working_and_other_files_are_not_taken(tmp_path):
    (path,) = write(tmp_path, 3)
    (tmp_path / 'last_checkpoint').write_text('/elsewhere/iter_3.pth')
    torch.save({}, tmp_path / 'best_acc_iter_9.pth')
    torch.save({}, tmp_path / 'features.pth')
    (tmp_path / 'iter_9.pth.part').write_bytes(path.read_bytes())
    assert find_last_good(tmp_path) == path


def test_none_whole_is_an_error_and_none_at_all_is_not(tmp_path):
    assert find_last_good(tmp_path) is None
    (path,) = write(tmp_path, 3)
    spoil(path, 'cut')
    with pytest.raises(InputError, match='none of its 1 checkpoints is whole'):
        find_last_good(tmp_path)


def test_a_first_start_with_resume_keeps_the_weights_it_is_given(tmp_path):
    config = Config(dict(work_dir=str(tmp_path), load_from='phase.pth', resume=True))
    choose_checkpoint(config)
    assert (config.resume, config.load_from) == (False, 'phase.pth')
    (path,) = write(tmp_path, 3)
    choose_checkpoint(config)
    assert (config.resume, config.load_from) == (True, str(path))
