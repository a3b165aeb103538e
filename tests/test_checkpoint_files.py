"""Checkpoint files that are not what they should be: one line with the file's name, and never torch's advice."""

import json
import os
import pickle
import sys
import zipfile

import numpy as np
import pytest
import torch
from mmengine.runner.checkpoint import CheckpointLoader
from safetensors.torch import save_file

from auxskd_mm.checkpoint_files import find_checkpoint, read_checkpoint, read_state
from auxskd_mm.errors import InputError


class Runs:
    def __reduce__(self):
        return os.system, ('true',)


def save_huge(path):
    """A tensor that claims 10^12 elements in a storage of four."""
    torch.save(dict(state_dict=dict(a=torch.zeros(4))), path)
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    with zipfile.ZipFile(path, 'w') as archive:
        for name, content in parts.items():
            if name.endswith('data.pkl'):
                assert content.count(b'K\x04\x85') == 1
                content = content.replace(b'K\x04\x85', b'\x8a\x06' + (10**12).to_bytes(6, 'little') + b'\x85')
            archive.writestr(name, content)


FILES = {
    'code': (lambda path: torch.save(dict(state_dict=Runs()), path), 'refused, because it holds posix.system'),
    'old_code': (lambda path: path.write_bytes(pickle.dumps(Runs())), 'not a checkpoint of torch, or damaged'),
    'torchscript': (
        lambda path: torch.jit.script(torch.nn.Linear(1, 1)).save(str(path)),
        'a TorchScript program, not a checkpoint; load it with torch.jit.load',
    ),
    'huge': (save_huge, 'not a checkpoint of torch, or damaged'),
    'json': (lambda path: path.write_text(json.dumps(dict(a=1))), 'not a checkpoint of torch, or damaged'),
    'text': (lambda path: path.write_text('[' * 100_000), 'not a checkpoint of torch, or damaged'),
    'empty': (lambda path: path.write_bytes(b''), 'not a checkpoint of torch, or damaged'),
    'list': (lambda path: torch.save([1, 2], path), 'holds no state_dict'),
}


@pytest.mark.parametrize('kind', FILES)
def test_a_file_that_is_no_checkpoint(kind, tmp_path):
    write, says = FILES[kind]
    path = tmp_path / 'x.pth'
    write(path)
    with pytest.raises(InputError) as caught:
        read_state(path)
    line = str(caught.value)
    assert line.startswith(f'{path}: {says}')
    assert not {'\n', '\x1b'} & set(line)
    assert 'weights_only' not in line


def test_a_missing_file_lists_those_that_are_there(tmp_path):
    for name in ('epoch_1.pth', 'epoch_2.pth'):
        torch.save({}, tmp_path / name)
    with pytest.raises(
        InputError, match=r'epoch_3\.pth: no such checkpoint file; in its folder there is epoch_1\.pth, e'
    ):
        find_checkpoint(str(tmp_path / 'epoch_3.pth'))


def test_a_folder_stands_for_its_last_checkpoint(tmp_path):
    with pytest.raises(
        InputError, match=r'a folder without a checkpoint epoch_N\.pth .*; there is no \.pth file in it'
    ):
        find_checkpoint(str(tmp_path))
    torch.save({}, tmp_path / 'published.pth')
    assert find_checkpoint(str(tmp_path)) == str(tmp_path / 'published.pth')
    for name in ('epoch_1.pth', 'epoch_2.pth'):
        torch.save({}, tmp_path / name)
    (tmp_path / 'last_checkpoint').write_text('/elsewhere/epoch_2.pth')
    assert find_checkpoint(str(tmp_path)) == str(tmp_path / 'epoch_2.pth')


def test_an_address_out_of_reach():
    with pytest.raises(InputError, match=r'^http://127\.0\.0\.1:9/x\.pth: cannot be fetched \('):
        read_checkpoint('http://127.0.0.1:9/x.pth')
    assert find_checkpoint('https://a/x.pth') == 'https://a/x.pth'
    with pytest.raises(InputError, match=r'^htps://a/x\.pth: no such checkpoint file'):
        find_checkpoint('htps://a/x.pth')


class _ObjectDtype:
    """Pickles as a dtype whose state names an object sub-dtype."""

    def __reduce__(self):
        fields = {'a': (np.dtype('O'), 0)}
        return np.dtype, ('f8', False, True), (3, '<', None, ('a',), fields, 8, 8, 0)


def test_a_made_up_dtype_is_refused_with_the_name_of_its_file(tmp_path):
    path = tmp_path / 'made_up.pth'
    torch.save(dict(state_dict={}, message_hub=_ObjectDtype()), path)
    with pytest.raises(InputError, match=r'^\S*made_up\.pth: .*do not trust it'):
        read_checkpoint(path)


def safetensors_file(tmp_path):
    state = {'backbone.conv.weight': torch.rand(3, 2), 'backbone.conv.bias': torch.rand(3)}
    save_file(state, tmp_path / 'x.safetensors')
    return state, tmp_path / 'x.safetensors'


def test_safetensors_are_read_by_us_and_by_mmengine(tmp_path):
    state, path = safetensors_file(tmp_path)
    for found in (read_checkpoint(path), read_state(path), CheckpointLoader.load_checkpoint(str(path), 'cpu')):
        assert set(found) == set(state)
        assert all(torch.equal(found[key], value) for key, value in state.items())


@pytest.mark.parametrize('keep', [0, 5, 60, -1])
def test_a_cut_off_safetensors_file_is_one_line(keep, tmp_path):
    _, path = safetensors_file(tmp_path)
    path.write_bytes(path.read_bytes()[:keep])
    for read in (read_checkpoint, lambda path: CheckpointLoader.load_checkpoint(str(path), 'cpu')):
        with pytest.raises(InputError, match=r'x\.safetensors: damaged, cut off or no safetensors file') as error:
            read(path)
        assert '\n' not in str(error.value)


def test_the_missing_package_is_named(tmp_path, monkeypatch):
    _, path = safetensors_file(tmp_path)
    monkeypatch.setitem(sys.modules, 'safetensors.torch', None)
    with pytest.raises(InputError, match=r'needs the package safetensors: pip install safetensors$'):
        read_checkpoint(path)
    with pytest.raises(InputError, match=r'none\.safetensors: no such checkpoint file'):
        read_checkpoint(tmp_path / 'none.safetensors')


def test_other_projects_containers_are_opened(tmp_path):
    torch.save(dict(model=dict(weight=torch.ones(2)), epoch=3), tmp_path / 'x.pth')
    assert set(read_state(tmp_path / 'x.pth')) == {'weight'}


def sharded(folder):
    state = {'a': torch.ones(2), 'b': torch.arange(3.0), 'c': torch.zeros(1)}
    files = {'m-00001-of-00002.safetensors': ('a', 'c'), 'm-00002-of-00002.safetensors': ('b',)}
    for name, keys in files.items():
        save_file({key: state[key] for key in keys}, folder / name)
    index = folder / 'm.safetensors.index.json'
    weight_map = {key: name for name, keys in files.items() for key in keys}
    index.write_text(json.dumps(dict(metadata=dict(total_size=24), weight_map=weight_map)))
    return state, index


def test_shards_of_safetensors_are_read_by_their_index(tmp_path):
    state, index = sharded(tmp_path)
    for found in (read_state(index), CheckpointLoader.load_checkpoint(str(index))):
        assert found.keys() == state.keys()
        assert all(torch.equal(found[key], value) for key, value in state.items())
    (tmp_path / 'm-00002-of-00002.safetensors').unlink()
    with pytest.raises(InputError, match=r'names 2 files, and m-00002-of-00002\.safetensors is not in its folder'):
        read_state(index)


@pytest.mark.parametrize(
    'text',
    [
        '',
        '[]',
        '{}',
        '{"weight_map": {}}',
        '{"weight_map": {"a": 1}}',
        '{"weight_map": {"a": "../x.safetensors"}}',
        '{"weight_map": {"a": "x.pth"}}',
    ],
)
def test_what_is_no_index_of_safetensors_is_one_line(text, tmp_path):
    path = tmp_path / 'm.safetensors.index.json'
    path.write_text(text)
    with pytest.raises(InputError, match=r'm\.safetensors\.index\.json: not an index of safetensors'):
        read_checkpoint(path)
