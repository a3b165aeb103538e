"""What a run was made with."""

import subprocess
import sys

from auxskd_mm.records.environment import command_of_process, git_revision, package_versions


def git(folder, *words):
    identity = ['-c', 'user.name=t', '-c', 'user.email=t@example.org']
    return subprocess.run(['git', '-C', str(folder), *identity, *words], capture_output=True, text=True, check=True)


def test_revision_and_changes(tmp_path):
    assert git_revision(tmp_path) is None
    git(tmp_path, 'init', '-q')
    (tmp_path / 'a').write_text('1')
    git(tmp_path, 'add', 'a')
    git(tmp_path, 'commit', '-qm', 'x')
    revision = git(tmp_path, 'rev-parse', 'HEAD').stdout.strip()
    assert git_revision(tmp_path) == dict(revision=revision, dirty=False)
    (tmp_path / 'a').write_text('2')
    assert git_revision(tmp_path) == dict(revision=revision, dirty=True)
    # A package that is installed inside somebody's checkout is not of that checkout.
    (tmp_path / 'below').mkdir()
    assert git_revision(tmp_path / 'below') is None


def test_command_and_versions(monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['tools/test.py', 'a b.py', '--x=1'])
    assert command_of_process() == "python tools/test.py 'a b.py' --x=1"
    versions = package_versions()
    assert versions['python'] == '.'.join(map(str, sys.version_info[:3]))
    assert {'torch', 'mmengine', 'mmaction2', 'numpy'} <= set(versions)
