"""Errors of a GPU in one line, and the settings that deterministic runs need there."""

import os

import pytest
import torch
from mmengine.config import Config

from auxskd_mm.launch.device_errors import device_line
from auxskd_mm.launch.tool import describe
from auxskd_mm.launch.training_defaults import prepare_determinism

# As torch 2.11 and 2.14 write them.
OUT_OF_MEMORY = (
    'CUDA out of memory. Tried to allocate 3.06 GiB. GPU 0 has a total capacity of 7.79 GiB of which 1.02 GiB is free.\n'
    'If reserved but unallocated memory is large try setting PYTORCH_ALLOC_CONF'
)
NO_KERNEL = (
    'CUDA error: no kernel image is available for execution on the device\nCUDA kernel errors might be asynchronously'
)
OLD_DRIVER = 'The NVIDIA driver on your system is too old (found version 11040). Please update your GPU driver'
NOT_DETERMINISTIC = (
    "max_pool3d_with_indices_backward_cuda does not have a deterministic implementation, but you set 'torch.use_"
    "deterministic_algorithms(True)'. You can turn off determinism just for this operation"
)


@pytest.fixture
def card(monkeypatch):
    monkeypatch.setattr(torch.cuda, 'get_device_name', lambda: 'A New Card')
    monkeypatch.setattr(torch.cuda, 'get_device_capability', lambda: (12, 0))
    monkeypatch.setattr(torch.cuda, 'get_arch_list', lambda: ['sm_80', 'sm_90'])


@pytest.mark.parametrize(
    ('error', 'words'),
    [
        (torch.OutOfMemoryError(OUT_OF_MEMORY), ['no memory for this batch', '3.06 GiB', 'batch_size']),
        (RuntimeError(NO_KERNEL), ['no code for A New Card', 'needs sm_120', 'sm_80, sm_90', 'newer torch']),
        (RuntimeError(OLD_DRIVER), ['newer NVIDIA driver', torch.__version__]),
        (RuntimeError(NOT_DETERMINISTIC), ['max_pool3d_with_indices_backward_cuda', '--deterministic']),
    ],
)
def test_one_line(card, error, words):
    line = device_line(error)
    assert line == describe(error)
    assert '\n' not in line
    for word in words:
        assert word in line


def test_other_errors_keep_their_traceback():
    assert device_line(RuntimeError('mat1 and mat2 shapes cannot be multiplied')) is None
    assert describe(RuntimeError('mat1 and mat2 shapes cannot be multiplied')) is None


def test_a_deterministic_run_fixes_the_workspace(monkeypatch):
    monkeypatch.delenv('CUBLAS_WORKSPACE_CONFIG', raising=False)
    prepare_determinism(Config(dict(randomness=dict(seed=1))))
    prepare_determinism(Config({}))
    assert 'CUBLAS_WORKSPACE_CONFIG' not in os.environ
    prepare_determinism(Config(dict(randomness=dict(seed=1, deterministic=True))))
    assert os.environ['CUBLAS_WORKSPACE_CONFIG'] == ':4096:8'
    monkeypatch.setenv('CUBLAS_WORKSPACE_CONFIG', ':16:8')
    prepare_determinism(Config(dict(randomness=dict(deterministic=True))))
    assert os.environ['CUBLAS_WORKSPACE_CONFIG'] == ':16:8'
