"""Checkpoints as plain data: what is written needs no allow-list, and what is read can neither run code nor crash."""

import json
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path

import hostile_states
import numpy as np
import pytest
import torch
from mmengine.logging import HistoryBuffer

from auxskd_mm.errors import InputError
from auxskd_mm.plain_data import from_plain, to_plain


def history(values, counts, length=100):
    buffer = HistoryBuffer(max_length=length)
    buffer._log_history, buffer._count_history = np.asarray(values), np.asarray(counts)
    return buffer


def test_every_bit_of_the_message_hub_comes_back(tmp_path):
    random = np.random.default_rng(0)
    values = random.random(40)
    values[[3, 7]] = np.nan, np.inf
    hub = dict(
        log_scalars=OrderedDict(loss=history(values, np.ones(40, np.int64)), empty=HistoryBuffer()),
        runtime_info=dict(iter=np.int64(3), lr=np.float64(0.1), single=np.float32(0.1), table=random.random((2, 0, 3))),
        names=np.array(['a', 'bc']),
    )
    torch.save(to_plain(hub), tmp_path / 'a.pth')
    back = from_plain(torch.load(tmp_path / 'a.pth', weights_only=True))
    loss = back['log_scalars']['loss']
    assert type(loss) is HistoryBuffer
    for one, other in zip(loss.data, hub['log_scalars']['loss'].data):
        assert (one.dtype, one.tobytes()) == (other.dtype, other.tobytes())
    assert loss.max_length == 100
    assert len(back['log_scalars']['empty'].data[0]) == 0
    assert (back['runtime_info']['iter'], back['runtime_info']['lr']) == (3, 0.1)
    assert back['runtime_info']['single'] == np.float32(0.1)
    assert back['runtime_info']['table'].shape == (2, 0, 3)
    assert back['names'].tolist() == ['a', 'bc']


def test_what_is_plain_stays_the_same_object_and_keeps_its_metadata():
    state = torch.nn.BatchNorm2d(2).state_dict()
    assert to_plain(state) is state
    assert from_plain(state) is state
    assert from_plain(to_plain(dict(state_dict=state)))['state_dict']._metadata == state._metadata


def test_an_object_of_another_class_is_left_out_and_named(tmp_path):
    from unittest.mock import patch

    with patch('auxskd_mm.plain_data.print_log') as log:
        kept = to_plain(dict(a=1, path=Path('x'), b=dict(c=object(), d=[np.array([None])])))
    assert kept == dict(a=1, path='x', b=dict(d=[None]))
    assert [call.args[0].split(':')[0] for call in log.call_args_list] == ['checkpoint.b.c', 'checkpoint.b.d']


def test_a_saved_checkpoint_needs_no_allow_list(tmp_path):
    import toy_distillation as toy

    toy.toy_runner(tmp_path, train_cfg=dict(type='EpochBasedTrainLoop', max_epochs=1)).train()
    code = "import torch; print(list(torch.load('epoch_1.pth', weights_only=True)['meta']['training']))"
    ended = subprocess.run([sys.executable, '-c', code], cwd=tmp_path, capture_output=True, text=True)
    assert ended.stdout == "['method', 'data', 'input', 'history', 'optimizer']\n", ended.stderr


@pytest.mark.parametrize(
    'value',
    [
        dict(__array__=[1], dtype='O', shape=[1]),
        dict(__array__=[1], dtype='f8,f8', shape=[1]),
        dict(__array__=[1], dtype='V8', shape=[1]),
        dict(__array__=[1, 2], dtype='f8', shape=[2**60]),
        dict(__array__=['x'], dtype='f8', shape=[1]),
        dict(__array__=[1]),
        dict(__history__=[[1.0], [1]], max_length=5),
        dict(__history__=[to_plain(np.ones(2)), to_plain(np.ones(3))], max_length=5),
        dict(__history__=[to_plain(np.ones(2)), to_plain(np.ones(2))], max_length='5'),
    ],
)
def test_lists_that_are_no_numbers_are_refused(value):
    with pytest.raises(InputError, match='do not trust it'):
        from_plain(value)


def test_an_older_checkpoint_of_mmengine_is_read_as_it_was(tmp_path):
    arrays = [np.arange(6, dtype=kind).reshape(2, 3) for kind in ('f8', 'f4', 'f2', 'i8', 'i4', 'u1', '>f8', 'c16')]
    content = dict(
        a=arrays, b=np.array([True, False]), f=np.asfortranarray(arrays[0]), n=np.float64(0.1), m=np.bool_(1)
    )
    content['h'] = HistoryBuffer([0.5, 1.5], [1, 2], 7)
    torch.save(content, tmp_path / 'a.pth')
    back = torch.load(tmp_path / 'a.pth', weights_only=True)
    for one, other in zip([*back['a'], back['b'], back['f']], [*content['a'], content['b'], content['f']]):
        np.testing.assert_array_equal(one, other)
        assert one.dtype == other.dtype.newbyteorder('=')  # as NumPy itself reads it
    assert (back['n'], back['m']) == (content['n'], content['m'])
    assert type(back['h']) is HistoryBuffer
    assert back['h'].statistics('mean') == 2 / 3
    assert [row.tolist() for row in back['h'].data] == [[0.5, 1.5], [1, 2]]
    assert back['h'].max_length == 7


def test_no_crafted_state_runs_code_or_crashes(tmp_path):
    """Hundreds of files, each used as a resumed run would, in a process of their own: a crash fails the test."""
    ended = subprocess.run(
        [sys.executable, hostile_states.__file__, str(tmp_path)], capture_output=True, text=True, timeout=120
    )
    assert ended.returncode == 0, (ended.returncode, ended.stdout[-500:], ended.stderr[-2000:])
    counts = json.loads(ended.stdout.splitlines()[-1])
    assert counts['refused'] + counts['harmless'] == counts['tried'] >= 500
    assert counts['crafted_loaded'] == []
    assert counts['honest_refused'] == []
    assert not (tmp_path / 'ran').exists()
