"""The links to PyAV's FFmpeg are enough for torchcodec, whatever has been imported before it."""

import importlib.util
import os
import subprocess
import sys

import pytest
from tool_runs import call_tool


@pytest.mark.skipif(importlib.util.find_spec('torchcodec') is None, reason='torchcodec is not installed')
@pytest.mark.parametrize('first', ['torch', 'av'])
def test_torchcodec_loads_before_and_after_pyav(monkeypatch, capfd, tmp_path, first):
    folder = tmp_path / 'ffmpeg'
    for _ in range(2):  # links of an earlier call are replaced
        assert call_tool(monkeypatch, capfd, 'misc/link_ffmpeg.py', folder).code == 0
    code = (
        f'import {first}; from auxskd_mm.datasets.readers import READERS; print(repr(READERS["torchcodec"].missing()))'
    )
    env = {**os.environ, 'LD_LIBRARY_PATH': str(folder)}
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', code], capture_output=True, text=True, env=env)
    assert done.stdout.splitlines()[-1] == "''", done.stdout + done.stderr
