from pathlib import Path

import pytest
import torch
import torch.distributed as dist
from mmengine.config import Config
from torch.nn.parallel import DistributedDataParallel

from auxskd_mm.errors import InputError
from auxskd_mm.launch import process_group as launch_checks
from auxskd_mm.launch.tool import describe, run_tool

GOOD = dict(RANK='3', LOCAL_RANK='1', WORLD_SIZE='4', MASTER_ADDR='10.0.0.1', MASTER_PORT='29500')


def test_torchruns_variables_pass():
    launch_checks.check_environment('pytorch', GOOD)
    launch_checks.check_environment('none', {})


@pytest.mark.parametrize(
    ('change', 'says'),
    [
        (dict(RANK=''), '--launcher pytorch: RANK not set; start by tools/dist_train.sh'),
        (dict(MASTER_ADDR='', MASTER_PORT=''), 'MASTER_ADDR, MASTER_PORT not set'),
        (dict(WORLD_SIZE='two'), "WORLD_SIZE='two': expected a whole number"),
        (dict(WORLD_SIZE='\u00b2'), "WORLD_SIZE='\u00b2': expected a whole number"),
        (dict(RANK='4'), 'RANK=4, LOCAL_RANK=1 and WORLD_SIZE=4 contradict'),
        (dict(RANK='0'), 'contradict'),
    ],
)
def test_variables_that_are_missing_or_contradict(change, says):
    with pytest.raises(InputError, match=says):
        launch_checks.check_environment('pytorch', {**GOOD, **change})


def test_different_configs_are_named_by_their_first_lines(monkeypatch):
    mine, other = Config(dict(a=1, batch_size=4)), Config(dict(a=1, batch_size=8))
    monkeypatch.setattr(launch_checks, 'get_world_size', lambda: 3)
    monkeypatch.setattr(launch_checks, 'all_gather_object', lambda text: [text, text, other.pretty_text])
    with pytest.raises(
        InputError, match=r'the config of rank 2 is not rank 0.s: batch_size = 8 against batch_size = 4'
    ):
        launch_checks.check_same_config(mine)
    monkeypatch.setattr(launch_checks, 'all_gather_object', lambda text: [text] * 3)
    launch_checks.check_same_config(mine)


@pytest.mark.parametrize(
    ('text', 'says'),
    [
        ('[../gloo/transport/tcp/pair.cc:534] Connection closed by peer [127.0.0.1]:1', 'lost the connection'),
        ('NCCL communicator was aborted on rank 0', 'lost the connection'),
        ('DataLoader worker (pid(s) 12, 13) exited unexpectedly', 'a loader process was killed'),
        ('DataLoader worker (pid 12) is killed by signal: Killed. ', 'a loader process was killed'),
    ],
)
def test_processes_that_ended_are_one_line(text, says):
    line = describe(RuntimeError(text))
    assert says in line
    assert 'go on with --resume' in line
    assert '\n' not in line


def test_other_errors_keep_their_traceback():
    assert describe(RuntimeError('mat1 and mat2 shapes cannot be multiplied')) is None


def gloo_threads():
    names = [path.read_text().strip() for path in Path('/proc/self/task').glob('*/comm')]
    return [name for name in names if 'gloo' in name]


@pytest.mark.skipif(not Path('/proc/self/task').exists(), reason='threads of C++ are counted in /proc')
def test_a_finished_tool_leaves_no_thread_of_its_process_group(tmp_path):
    """Such a thread may ask for Python's lock while the interpreter ends. The process then dies of SIGABRT."""

    def train():
        dist.init_process_group('gloo', init_method=f'file://{tmp_path}/store', rank=0, world_size=1)
        model = DistributedDataParallel(torch.nn.Linear(2, 2))
        model.circle = [model]  # as a Runner and its loops: only the garbage collector frees it
        assert gloo_threads()

    run_tool(train)
    assert not dist.is_initialized()
    assert gloo_threads() == []
