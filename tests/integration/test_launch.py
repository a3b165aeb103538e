"""tools/dist_train.sh and its checks, as processes."""

import importlib.util
import os
import re
import socket
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
import runs
import torch
from ports import free_port
from tool_runs import TOOLS, tiny_clips


@pytest.fixture(scope='module')
def data(tmp_path_factory):
    return tiny_clips(tmp_path_factory.mktemp('clips'))


def start(*words, cwd, tool='dist_train.sh', **variables):
    environment = {
        k: v for k, v in os.environ.items() if k not in ('NNODES', 'NODE_RANK', 'PORT', 'MASTER_ADDR', 'RANK')
    }
    settings = dict(PYTHON=sys.executable, OMP_NUM_THREADS=1, NODE_WAIT=120) | variables
    environment.update({key: str(value) for key, value in settings.items()})
    return subprocess.Popen(
        ['bash', str(TOOLS / tool), *map(str, words)],
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def end(process):
    # Only a process that hangs comes to this limit. Two nodes import everything at once, on a machine that may be busy.
    out, _ = process.communicate(timeout=900)
    return process.returncode, out


@pytest.mark.parametrize(
    ('variables', 'says'),
    [
        (dict(NNODES=2), 'NNODES=2, but NODE_RANK is not set'),
        (dict(NNODES=2, NODE_RANK=0), 'NNODES=2, but MASTER_ADDR is not set'),
        (dict(NNODES=2, NODE_RANK=2, MASTER_ADDR='127.0.0.1'), 'NODE_RANK=2: expected 0 to 1 for NNODES=2'),
        (dict(NNODES='two'), 'NNODES=two: expected a whole number from 1'),
        (dict(MAX_RESTARTS=-1), 'MAX_RESTARTS=-1: expected a whole number from 0'),
    ],
)
def test_variables_are_checked_before_anything_starts(variables, says, tmp_path):
    code, out = end(start('config.py', 2, cwd=tmp_path, **variables))
    assert code == 1
    assert len(out.splitlines()) == 1
    assert out.startswith(f'error: {says}')


def test_usage(tmp_path):
    assert end(start('config.py', cwd=tmp_path)) == (
        1,
        'error: usage: dist_train.sh CONFIG GPUS [arguments of train.py]\n',
    )
    assert end(start('config.py', 1, cwd=tmp_path, tool='dist_test.sh'))[1].startswith(
        'error: usage: dist_test.sh CONFIG'
    )
    assert end(start('part', 'name', cwd=tmp_path, tool='slurm_train.sh'))[1].startswith('error: usage: slurm_train.sh')
    code, out = end(start('p', 'n', 'c', cwd=tmp_path, tool='slurm_train.sh', GPUS=12, GPUS_PER_NODE=8))
    assert (code, out) == (1, 'error: GPUS=12 does not divide into nodes of GPUS_PER_NODE=8\n')


def test_slurms_command_line(tmp_path):
    srun = tmp_path / 'srun'
    srun.write_text('#!/bin/sh\necho "$MASTER_PORT" "$@"\n')
    srun.chmod(0o755)
    path = f'{tmp_path}{os.pathsep}{os.environ["PATH"]}'
    variables = dict(GPUS=16, GPUS_PER_NODE=8, SRUN_ARGS='--time=1 --signal=TERM@120', PATH=path, SLURM_JOB_ID=41234)
    code, out = end(start('part', 'name', 'c.py', '--resume', cwd=tmp_path, tool='slurm_train.sh', **variables))
    assert code == 0
    assert out.split()[0] == '21234'
    assert '-p part --job-name=name --ntasks=16 --gres=gpu:8 --ntasks-per-node=8 --cpus-per-task=5' in out
    assert re.search(
        r'--time=1 --signal=TERM@120 \S+python\S* -u \S+/train.py c.py --launcher slurm --resume$', out.strip()
    )


def test_a_port_in_use(tmp_path):
    with socket.socket() as server:
        server.bind(('127.0.0.1', 0))
        server.listen()
        port = server.getsockname()[1]
        code, out = end(start('config.py', 2, cwd=tmp_path, PORT=port))
    assert code == 1
    assert len(out.splitlines()) == 1
    assert f'127.0.0.1:{port} cannot be opened on node 0 (Address already in use)' in out


@pytest.fixture
def check_nodes(monkeypatch):
    spec = importlib.util.spec_from_file_location('check_nodes', TOOLS / 'check_nodes.py')
    monkeypatch.syspath_prepend(str(TOOLS))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_two_first_nodes_at_the_same_moment(check_nodes, monkeypatch):
    """Both have bound the port before one of them listens: the other has the line of a port in use."""
    others = []

    class Second(socket.socket):
        def bind(self, address):
            super().bind(address)
            others.append(socket.socket())
            others[0].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            others[0].bind(address)
            others[0].listen()

    monkeypatch.setattr(check_nodes, 'socket', SimpleNamespace(**{**vars(socket), 'socket': Second}))
    with pytest.raises(check_nodes.Refused, match='cannot be opened on node 0'):
        check_nodes.listen('127.0.0.1', free_port())
    others[0].close()


@pytest.mark.parametrize('words', [None, b'', b'1\n', b'{}\n', b'GET / HTTP/1.0\r\n\r\n'])
def test_connections_of_others_are_passed_over(words, check_nodes, monkeypatch):
    """A port scanner says nothing (``b''``), something else, or resets the connection (None)."""
    monkeypatch.setattr(check_nodes, '_SILENT', 0.3, raising=False)
    port, stray = free_port(), socket.socket()
    nodes = [dict(NODE_RANK=rank, NNODES=2, GPUS=1, MAX_RESTARTS=0, host=f'h{rank}') for rank in (0, 1)]

    def second():
        while stray.connect_ex(('127.0.0.1', port)):
            time.sleep(0.02)
        if words is None:
            stray.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack('ii', 1, 0))
            stray.close()
        else:
            stray.sendall(words)
        time.sleep(0.1)
        check_nodes.report(nodes[1], '127.0.0.1', port, 20)

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(second)
        check_nodes.gather(nodes[0], '127.0.0.1', port, 20)
        other.result()
    stray.close()


@pytest.mark.parametrize('answer', [b'SSH-2.0-OpenSSH_9.6\r\n', b'\xff\xfe\x00\n', b'{}\n', b''])
def test_another_program_at_the_port_is_not_node_0(answer, check_nodes):
    server = socket.create_server(('127.0.0.1', 0))

    def talk():
        while True:
            try:
                link, _ = server.accept()
            except OSError:
                return
            with link:
                link.recv(4096)
                link.sendall(answer)

    node = dict(NODE_RANK=1, NNODES=2, GPUS=1, MAX_RESTARTS=0, host='h')
    with ThreadPoolExecutor(1) as pool:
        pool.submit(talk)
        with pytest.raises(check_nodes.Refused, match='node 0 was not found'):
            check_nodes.report(node, '127.0.0.1', server.getsockname()[1], 0.5)
        server.shutdown(socket.SHUT_RDWR)
    server.close()


@pytest.mark.parametrize(
    ('first', 'second', 'says'),
    [
        (dict(NODE_RANK=0), dict(NODE_RANK=1, NNODES=3), r'was started with NNODES=3, node 0 with NNODES=2'),
        (dict(NODE_RANK=0, NNODES=3), dict(NODE_RANK=0, NNODES=3, NODE_WAIT=2), 'cannot be opened on node 0'),
        (
            dict(NODE_RANK=0, NODE_WAIT=2),
            None,
            r'NODE_RANK \[1\] did not come to 127.0.0.1:\d+ within 2 s; there are \[0\]',
        ),
        (dict(NODE_RANK=1, NODE_WAIT=2), None, r'node 0 was not found at 127.0.0.1:\d+ within 2 s'),
        (dict(NODE_RANK=0, PORT=65536), dict(NODE_RANK=1, PORT=65536), 'PORT=65536: expected a number from 1 to 65535'),
        (
            dict(NODE_RANK=0),
            dict(NODE_RANK=1, MAX_RESTARTS=2),
            'was started with MAX_RESTARTS=2, node 0 with MAX_RESTARTS=0',
        ),
    ],
)
def test_nodes_that_do_not_agree_end_on_both_with_one_line(first, second, says, tmp_path):
    common = dict(NNODES=2, MASTER_ADDR='127.0.0.1', PORT=free_port(), NODE_WAIT=3)
    processes = [start('config.py', 1, cwd=tmp_path, **{**common, **node}) for node in (first, second) if node]
    ends = [end(process) for process in processes]
    assert all(code == 1 and len(out.splitlines()) == 1 for code, out in ends), ends
    assert any(re.search(says, out) for _, out in ends), ends


def test_two_nodes_run_a_recipe(data, tmp_path):
    """auxSKD, then VSPP from its weights, each as two `NNODES=2 dist_train.sh` at two addresses of this machine."""
    checkpoints = []
    for method in ('auxskd', 'vspp'):
        config = runs.config_of(method, data, tmp_path / method, {'train_cfg.max_epochs': 1})
        config.dump(tmp_path / f'{method}.py')
        words = ['--cfg-options', f'load_from={checkpoints[-1]}'] if checkpoints else []
        common = dict(NNODES=2, MASTER_ADDR='127.0.0.2', PORT=free_port('127.0.0.2'))
        nodes = [start(f'{method}.py', 1, *words, cwd=tmp_path, NODE_RANK=rank, **common) for rank in (1, 0)]
        ends = [end(node) for node in nodes]
        assert [code for code, _ in ends] == [0, 0], [out[-3000:] for _, out in ends]
        checkpoints.append((tmp_path / method / 'last_checkpoint').read_text())
    first, second = (torch.load(path, weights_only=True) for path in checkpoints)
    # 16 samples, two ranks with batches of 4: two iterations, and a queue that all ranks filled.
    assert [checkpoint['meta']['iter'] for checkpoint in (first, second)] == [2, 2]
    assert first['state_dict']['queue.pointer'].item() == 2 * 2 * 4 % 18
    assert [checkpoint['exact_resume']['position']['world_size'] for checkpoint in (first, second)] == [2, 2]
    assert re.search(r'(\d+) of \1 backbone tensors loaded', ends[1][1]), ends[1][1][-2000:]


def test_two_nodes_with_other_configs_or_lists(data, tmp_path):
    """Both are started wrongly at once: the config is looked at first; the lists, in folders of the nodes' own, next."""
    config = runs.config_of('vspp', data, tmp_path / 'work', {'train_dataloader.dataset.source': 'train'})
    config.dump(tmp_path / 'vspp.py')
    for node in range(2):
        (tmp_path / str(node) / 'train').mkdir(parents=True)
        for clip in sorted((data / 'train').rglob('*.mp4')):
            if not (node and clip.name == sorted((data / 'train').rglob('*.mp4'))[2].name):
                name = f'{clip.parent.name}_{clip.name}'
                (tmp_path / str(node) / 'train' / name).symlink_to(clip)
    for options, says in (
        (
            ['--cfg-options', 'train_dataloader.batch_size=2'],
            "the config of rank 1 is not rank 0's: batch_size=2, against",
        ),
        ([], r'the training set of rank 1 \(\d entries\) is not that of rank 0 \(\d\): entry \d is .*mp4.* against '),
    ):
        common = dict(NNODES=2, MASTER_ADDR='127.0.0.1', PORT=free_port())
        nodes = [
            start('../vspp.py', 1, *(options if rank else []), cwd=tmp_path / str(rank), NODE_RANK=rank, **common)
            for rank in (1, 0)
        ]
        for code, out in map(end, nodes):
            lines = [line for line in out.splitlines() if line.startswith('error: ')]
            assert code == 1
            assert len(lines) == 1, out[-3000:]
            assert re.search(says, lines[0]), lines
