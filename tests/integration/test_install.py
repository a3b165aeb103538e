"""Installing: the wheel and the editable install, each in an environment of its own that has only the dependencies."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest
from mmengine.fileio import load
from tool_runs import ROOT, TINY_VSPP, start_tool, tiny_clips

SOURCES = ('auxskd_mm', 'configs', 'tools', 'setup.py', 'pyproject.toml', 'MANIFEST.in', 'README.md', 'LICENSE')
MIM = ('configs', 'tools', 'model-index.yml')
PIP = ['-m', 'pip', '--disable-pip-version-check']
OFFLINE = ['--no-deps', '--no-build-isolation', '--no-index', '--quiet']


def run(*command, cwd) -> str:
    environment = {key: value for key, value in os.environ.items() if key not in ('PYTHONPATH', 'PIP_CONSTRAINT')}
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, cwd=cwd, env={**environment, 'OMP_NUM_THREADS': '1'})
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope='module')
def checkout(tmp_path_factory):
    """A copy to build in, so that nothing of this checkout is touched or picked up."""
    folder = tmp_path_factory.mktemp('copy') / 'checkout'
    folder.mkdir()
    for name in (*SOURCES, 'model-index.yml', 'constraints.txt'):
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns('__pycache__', '.mim'))
        else:
            shutil.copy2(ROOT / name, folder / name)
    return folder


def new_environment(folder: Path) -> Path:
    """Python of a fresh environment with this one's dependencies, but not with its editable auxskd_mm.

    A folder named in a ``.pth`` file is searched, but the ``.pth`` files in it (the editable install's finder) are not
    read.
    """
    venv.create(folder, with_pip=False, symlinks=True)
    python = folder / 'bin' / 'python'
    (own,) = (folder / 'lib').glob('python*/site-packages')
    shared = [path for path in sys.path if Path(path).name in ('site-packages', 'dist-packages')]
    (own / 'dependencies.pth').write_text('\n'.join(shared) + '\n')
    found = run(python, '-c', 'import importlib.util as u; print(u.find_spec("auxskd_mm"))', cwd=folder)
    assert found.strip() == 'None'
    return python


@pytest.fixture(scope='module')
def installed(checkout, tmp_path_factory):
    """Python of an environment with the wheel, built by way of an sdist as a release is."""
    folder = tmp_path_factory.mktemp('wheel')
    hook = 'import setuptools.build_meta as backend; backend.build_sdist("dist")'
    run(sys.executable, '-c', hook, cwd=checkout)
    (sdist,) = (checkout / 'dist').glob('*.tar.gz')
    run(sys.executable, *PIP, 'wheel', *OFFLINE, '--wheel-dir', folder, sdist, cwd=folder)
    (wheel,) = folder.glob('*.whl')
    python = new_environment(folder / 'venv')
    run(sys.executable, *PIP, '--python', python, 'install', *OFFLINE, wheel, cwd=folder)
    return python


def package_of(python: Path) -> Path:
    (package,) = (python.parents[1] / 'lib').glob('python*/site-packages/auxskd_mm')
    return package


def test_the_wheel_carries_every_config_and_tool(installed, checkout):
    mim = package_of(installed) / '.mim'
    assert sorted(path.name for path in mim.iterdir()) == sorted(MIM)
    expected, found = contents(checkout), contents(mim)
    assert len(expected) > 30
    assert found == expected


def contents(folder: Path) -> dict[Path, bytes]:
    """What lies under configs and tools of a folder, by the files' names."""
    files = [path for name in ('configs', 'tools') for path in (folder / name).rglob('*') if path.is_file()]
    return {path.relative_to(folder): path.read_bytes() for path in files if '__pycache__' not in path.parts}


def test_mim_finds_what_it_asks_for(installed):
    """What `mim train` and `mim search` of openmim 0.3.9 do; it needs a setuptools too old for torch, so it is not run."""
    package = package_of(installed)
    found = [name for _, _, names in os.walk(package, followlinks=True) for name in names]
    paths = (package / '.mim' / 'configs').rglob('*.py')
    configs = [path.name for path in paths if path.parent.name != 'recipes']  # recipes are no trainings
    assert len(configs) > 30
    assert [name for name in configs if found.count(name) != 1] == []  # a config is looked for by its name alone
    listed = []
    for metafile in load(package / '.mim' / 'model-index.yml')['Import']:
        listed += [model['Config'] for model in load(package / '.mim' / metafile)['Models']]
    assert len(listed) > 20
    assert [name for name in listed if not (package / '.mim' / name).is_file()] == []
    usage = run(installed, package / '.mim' / 'tools' / 'train.py', '-h', cwd=package)
    assert '--launcher' in usage
    assert '--gpus' not in usage  # with it mim would call the tool as those of OpenMMLab 1.0


def test_configs_are_inherited_from_another_folder(installed, tmp_path):
    (tmp_path / 'mine.py').write_text("_base_ = 'auxskd_mm::vspp_r21d_k100.py'\ntrain_cfg = dict(max_epochs=3)\n")
    (tmp_path / 'demo.py').write_text("_base_ = 'auxskd_mm::demo/auxskd_motion.py'\n")
    example = ROOT / 'configs' / 'examples' / 'vspp_slowonly_mmaction.py'
    assert len(example.read_text().splitlines()) <= 20
    shutil.copy2(example, tmp_path / 'stock.py')
    script = """
        import json
        import auxskd_mm
        from mmaction.registry import MODELS
        from mmengine.config import Config
        from mmengine.hub import get_config
        from mmengine.registry import init_default_scope
        mine, demo, stock = (Config.fromfile(f'{name}.py') for name in ('mine', 'demo', 'stock'))
        init_default_scope(stock.default_scope)
        stock.model.backbone.update(pretrained=None, depth=18, base_channels=4)
        stock.model.cls_head.in_channels = 32
        mine.model.backbone.base_channels = 2
        mine.model.cls_head.in_channels = 16
        models = [MODELS.build(config.model) for config in (mine, stock)]
        print(json.dumps(dict(
            file=auxskd_mm.__file__,
            epochs=mine.train_cfg.max_epochs,
            batch=mine.train_dataloader.batch_size,
            demo=demo.model.type,
            hub=get_config('auxskd_mm::vspp_r21d_k100.py').model.type,
            heads=[type(model.cls_head).__name__ for model in models],
            backbones=[type(model.backbone).__name__ for model in models],
        )))
    """
    lines = [line[8:] for line in script.splitlines()]
    shown = json.loads(run(installed, '-c', '\n'.join(lines), cwd=tmp_path).splitlines()[-1])
    assert Path(shown.pop('file')).parent == package_of(installed)
    assert shown == dict(
        epochs=3,
        batch=30,
        demo='auxskd_mm.AuxSKD',
        hub='Recognizer3D',
        heads=['VSPPHead', 'VSPPHead'],
        backbones=['R2Plus1DVCOP', 'ResNet3dSlowOnly'],
    )


def test_the_installed_tools_train(installed, tmp_path):
    clips = tiny_clips(tmp_path / 'clips')
    options = {**TINY_VSPP, 'train_dataloader.dataset.source': clips / 'train', 'train_dataloader.batch_size': 8}
    tool = package_of(installed) / '.mim' / 'tools' / 'train.py'
    words = ['auxskd_mm::demo/vspp_motion.py', '--work-dir', 'run']
    ended = start_tool(tool, *words, options=options, cwd=tmp_path, python=installed)
    assert ended.code == 0, ended.err
    assert (tmp_path / 'run' / 'epoch_1.pth').is_file()


def test_an_editable_install_links_and_replaces_what_is_stale(checkout, tmp_path):
    mim = checkout / 'auxskd_mm' / '.mim'
    # A folder with copies, as an older or another install leaves it, and a link to nowhere.
    (mim / 'configs').mkdir(parents=True)
    (mim / 'configs' / 'old.py').write_text('')
    (mim / 'tools').symlink_to('nowhere')
    python = new_environment(tmp_path / 'venv')
    for _ in range(2):  # the second over what the first left
        run(sys.executable, *PIP, '--python', python, 'install', *OFFLINE, '--editable', checkout, cwd=tmp_path)
        assert sorted(path.name for path in mim.iterdir()) == sorted(MIM)
        for name in MIM:
            assert (mim / name).is_symlink()
            assert (mim / name).resolve() == checkout / name
    found = run(python, '-c', 'import importlib.util as u; print(u.find_spec("auxskd_mm").origin)', cwd=tmp_path)
    assert Path(found.strip()) == checkout / 'auxskd_mm' / '__init__.py'


def test_requirements_fit_together():
    done = subprocess.run([sys.executable, *PIP, 'check'], capture_output=True, text=True)
    complaints = [line for line in done.stdout.splitlines() if line and 'No broken requirements' not in line]
    # decord's wheel is for every Python 3, but its metadata names CPython 3.6 alone.
    assert [line for line in complaints if not line.startswith('decord 0.6.0 is not supported on this platform')] == []
