"""A checkpoint that would run code, at every place that takes one: refused in one line, and nothing runs."""

import os

import pytest
import runs
import torch
from tool_runs import call_tool, tiny_clips


class Payload:
    def __init__(self, folder):
        self.folder = folder

    def __reduce__(self):
        return os.mkdir, (self.folder,)


@pytest.mark.parametrize('way', ['load_from', 'resume', 'resume_auto', 'test'])
def test_no_tool_runs_what_a_checkpoint_holds(way, monkeypatch, capfd, tmp_path):
    sign, path = tmp_path / 'ran', tmp_path / 'work' / 'epoch_1.pth'
    path.parent.mkdir()
    torch.save(dict(meta=dict(epoch=1, iter=1), state_dict=Payload(str(sign))), path)
    (path.parent / 'last_checkpoint').write_text(str(path))
    config = runs.config_of('vspp', tiny_clips(tmp_path / 'clips'), path.parent)
    if way == 'test':
        config.test_dataloader = {**config.train_dataloader, 'drop_last': False}
        config.test_evaluator, config.test_cfg = dict(type='auxskd_mm.SegmentPaceMetric'), dict(type='TestLoop')
    config.dump(tmp_path / 'config.py')
    words = dict(load_from=[], resume=['--resume', path], resume_auto=['--resume'], test=[path])[way]
    options = dict(load_from=str(path)) if way == 'load_from' else None
    tool = 'test.py' if way == 'test' else 'train.py'
    ended = call_tool(monkeypatch, capfd, tool, tmp_path / 'config.py', *words, options=options)
    assert not sign.exists()
    assert 'mkdir' in ended.error_line()
    torch.load(path, weights_only=False)  # the payload is real
    assert sign.exists()
