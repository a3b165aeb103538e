"""A compiler that fails costs a line and no training; an option that torch does not know is refused at the start."""

import copy
import logging

import pytest
import torch
from mmengine.logging import MMLogger
from torch import nn

from auxskd_mm.errors import InputError
from auxskd_mm.models import compiling
from auxskd_mm.models.compiling import compile_backbones


class Net(nn.Module):
    """A network with a teacher; the backbone holds another one, as an adapted network does."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.backbone = Outer()
        self.teacher = nn.Module()
        self.teacher.backbone = nn.Linear(2, 2)


class Outer(nn.Module):
    def __init__(self):
        super().__init__()
        self.backbone = nn.Linear(2, 2)

    def forward(self, x):
        return self.backbone(x).relu()


@pytest.fixture
def lines(monkeypatch):
    found = []
    monkeypatch.setattr(compiling, 'print_log', lambda text, logger, level: found.append(text))
    return found


def broken(graph, inputs):
    raise OSError('no such file: c++\nand much more')


def test_each_network_is_compiled_once(lines):
    net = Net()
    assert compile_backbones(net, dict(backend='eager')) == ['backbone', 'teacher.backbone']
    assert net.backbone.backbone._compiled_call_impl is None
    x = torch.ones(1, 2)
    assert torch.equal(net.backbone(x), Net().backbone(x))
    assert lines == []


def test_a_compiler_that_fails_is_one_line_and_the_step_goes_on(lines):
    net, x = Net(), torch.ones(1, 2, requires_grad=True)
    torch.compiler.reset()
    compile_backbones(net, dict(backend=broken))
    out = net.backbone(x)
    assert torch.equal(out, Net().backbone(x))
    out.sum().backward()
    assert net.backbone.backbone.weight.grad is not None
    net.backbone(x)
    assert len(lines) == 1
    assert lines[0].startswith('backbone is not compiled and runs as without compile (')
    assert 'OSError: no such file: c++' in lines[0]
    assert '\n' not in lines[0]


def test_an_error_of_the_network_itself_stays(lines):
    net = Net()
    compile_backbones(net, dict(backend='eager'))
    with pytest.raises(RuntimeError, match='shapes'):
        net.backbone(torch.ones(1, 3))


@pytest.mark.parametrize('options', [dict(mode='fastest'), dict(backend='gcc'), dict(fast=True)])
def test_an_option_that_torch_does_not_know(options):
    with pytest.raises(InputError, match=r'^compile=.*: torch.compile refuses it \('):
        compile_backbones(Net(), options)


def test_a_compiled_network_can_be_copied():
    net = Net()
    compile_backbones(net, dict(backend='eager'))
    twin = copy.deepcopy(net)
    assert list(twin.state_dict()) == list(net.state_dict())


def test_the_line_reaches_the_log_of_a_run(tmp_path):
    logger = MMLogger.get_instance('compiling', log_file=str(tmp_path / 'log'), log_level=logging.INFO)
    net = Net()
    torch.compiler.reset()
    compile_backbones(net, dict(backend=broken))
    net.backbone(torch.ones(1, 2))
    for handler in logger.handlers:
        handler.flush()
    assert 'is not compiled' in (tmp_path / 'log').read_text()
