"""Installing: the wheel and the editable install, each in an environment of its own that has only the dependencies."""

from __future__ import annotations

import contextlib
import email
import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
import venv
import zipfile
from pathlib import Path

import markdown
import pytest
import yaml
from mmengine.fileio import load
from mypy.modulefinder import FindModuleCache, SearchPaths
from packaging.specifiers import SpecifierSet
from tool_runs import ROOT, TINY_VSPP, command_line_of, start_tool, tiny_clips

from auxskd_mm.version import __version__

# What .gitignore keeps out of the repository.
IGNORED = ('.*', '__pycache__', '*.egg-info', 'build', 'dist', 'site', 'work_dirs', 'data')
MIM = ('configs', 'tools', 'model-index.yml')
MOST_TEST_DATA = 5_000_000
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
    by_name = shutil.ignore_patterns(*IGNORED)

    def ignore(where: str, names: list[str]) -> set[str]:
        ignored = by_name(where, names)
        return ignored if Path(where) == ROOT else ignored - {'data'}  # tools/data and tests/data are ours

    shutil.copytree(ROOT, folder, ignore=ignore)
    # What lies about in a working copy must not get into a release.
    (folder / 'work_dirs').mkdir()
    (folder / 'work_dirs' / 'epoch_1.pth').write_bytes(b'x')
    (folder / 'auxskd_mm' / 'notes.txt').write_text('x')
    (folder / 'tools' / '__pycache__').mkdir()
    (folder / 'tools' / '__pycache__' / 'train.cpython-311.pyc').write_bytes(b'x')
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
def sdist(checkout):
    """The source archive."""
    hook = 'import setuptools.build_meta as backend; backend.build_sdist("dist")'
    run(sys.executable, '-c', hook, cwd=checkout)
    (file,) = (checkout / 'dist').glob('*.tar.gz')
    return file


@pytest.fixture(scope='module')
def wheel(sdist, tmp_path_factory):
    """The wheel, built from the source archive as `python -m build` does."""
    folder = tmp_path_factory.mktemp('wheel')
    run(sys.executable, *PIP, 'wheel', *OFFLINE, '--wheel-dir', folder, sdist, cwd=folder)
    (file,) = folder.glob('*.whl')
    return file


@pytest.fixture(scope='module')
def installed(wheel, tmp_path_factory):
    """Python of an environment with the wheel."""
    folder = tmp_path_factory.mktemp('installed')
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


def files_of(folder: Path, *patterns: str) -> set[str]:
    """Files by their names from a folder on, without what Python and the test have put there."""
    paths = [path for pattern in patterns for path in folder.rglob(pattern) if path.is_file()]
    return {path.relative_to(folder).as_posix() for path in paths if not {'__pycache__', '.mim'} & set(path.parts)}


def test_the_wheel_holds_the_package_and_nothing_else(wheel, checkout):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith('/')}
    described = {name for name in names if '.dist-info/' in name}
    kinds = ('*.py', '*.j2', 'py.typed', 'zoo/weights/*')
    expected = {f'auxskd_mm/{name}' for name in files_of(checkout / 'auxskd_mm', *kinds)}
    expected |= {f'auxskd_mm_cli/{name}' for name in files_of(checkout / 'auxskd_mm_cli', '*.py')}
    expected |= {f'auxskd_mm/.mim/{folder}/{name}' for folder in MIM[:2] for name in files_of(checkout / folder, '*')}
    expected |= {'auxskd_mm/.mim/model-index.yml'}
    assert names - described == expected
    assert {name.partition('/')[2] for name in described} == {
        'METADATA',
        'RECORD',
        'WHEEL',
        'entry_points.txt',
        'licenses/LICENSE',
        'top_level.txt',
    }
    # Of each kind something is there: the patterns above find files.
    for part in ('auxskd_mm/py.typed', 'recipes/report.html.j2', 'zoo/weights/vspp_motion-', '.mim/configs/recipes/'):
        assert any(part in name for name in names), part
    assert wheel.stat().st_size < 10_000_000


def test_the_source_archive_holds_the_repository_and_little_test_data(sdist, checkout):
    with tarfile.open(sdist) as archive:
        sizes = {member.name.partition('/')[2]: member.size for member in archive if member.isfile()}
    for name in ('LICENSE', 'CITATION.cff', 'CHANGELOG.md', 'Makefile', 'constraints.txt', 'mkdocs.yml'):
        assert name in sizes
    for folder in ('tests', 'docs', 'benchmarks', 'configs', 'tools'):
        assert {name for name in sizes if name.startswith(f'{folder}/')} == {
            f'{folder}/{name}' for name in files_of(checkout / folder, '*')
        }
    assert not [name for name in sizes if name.startswith('work_dirs') or name.endswith(('.pyc', '.mp4', 'notes.txt'))]
    assert sum(size for name, size in sizes.items() if name.startswith('tests/')) < MOST_TEST_DATA


def test_the_metadata_are_those_of_a_release(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith('/METADATA')]
        metadata = email.message_from_bytes(archive.read(name))
    assert metadata['Version'] == __version__
    assert metadata['License-Expression'] == 'Apache-2.0'
    assert metadata['License-File'] == 'LICENSE'
    assert 'Typing :: Typed' in metadata.get_all('Classifier')
    assert metadata['Description-Content-Type'] == 'text/markdown'


def test_a_package_index_shows_no_broken_picture_or_link(wheel):
    with zipfile.ZipFile(wheel) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith('/METADATA')]
        text = email.message_from_bytes(archive.read(name)).get_payload()
    page = markdown.markdown(text, extensions=['fenced_code', 'tables'])
    assert '<img' not in page
    assert '![' not in text
    assert '*Four training clips' not in text  # the caption goes with its picture
    addresses = re.findall(r'href="([^"]*)"', page)
    assert addresses
    assert all(address.startswith('https://') for address in addresses)
    readme = (ROOT / 'README.md').read_text(encoding='utf-8')
    code = re.findall(r'```.*?```', readme, re.DOTALL)
    assert code == re.findall(r'```.*?```', text, re.DOTALL)  # commands stay as they are
    assert re.findall(r'^#+ .*', text, re.MULTILINE) == re.findall(r'^#+ .*', readme, re.MULTILINE)


def test_the_citation_is_that_of_this_version():
    citation = yaml.safe_load((ROOT / 'CITATION.cff').read_text())
    assert citation['version'] == __version__
    changes = (ROOT / 'CHANGELOG.md').read_text()
    assert f'\n## {__version__} - {citation["date-released"]}\n' in changes
    assert citation['license'] == 'Apache-2.0'
    assert len(citation['references']) >= 5


def test_a_users_mypy_takes_our_types(installed):
    site = package_of(installed).parent
    finder = FindModuleCache(SearchPaths((), (), (str(site),), ()), None, None)
    assert finder.find_module('auxskd_mm') == str(site / 'auxskd_mm' / '__init__.py')
    assert finder.find_module('auxskd_mm.models.heads.vspp_head') == str(
        site / 'auxskd_mm' / 'models' / 'heads' / 'vspp_head.py'
    )


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


def test_the_installed_command_trains_a_config_of_the_zoo(installed, tmp_path):
    clips = tiny_clips(tmp_path / 'clips')
    command = installed.parent / 'auxskd-mm'
    assert run(command, '--version', cwd=tmp_path) == f'auxskd-mm {__version__}\n'
    assert '\n  pack-videos ' in run(command, '--help', cwd=tmp_path)
    options = {**TINY_VSPP, 'train_dataloader.dataset.source': clips / 'train', 'default_hooks.checkpoint.interval': 1}
    words = command_line_of(['train', 'auxskd_mm::vspp_r21d_k100.py', '--work-dir', 'run'], options)
    run(command, *words, cwd=tmp_path)
    assert (tmp_path / 'run' / 'epoch_1.pth').is_file()


def test_weights_by_name_need_no_network_and_no_checkout(installed, tmp_path):
    tiny_clips(tmp_path / 'clips')
    script = """
        import json, socket
        def refuse(*words):
            raise OSError('no network')
        socket.socket.connect = socket.getaddrinfo = refuse
        from auxskd_mm.apis import PretextInferencer, init_model
        found = {}
        for name in ('vspp_motion', 'finetune_motion', 'adapters_motion'):
            inferencer = PretextInferencer(name, device='cpu', show_progress=False)
            answer = inferencer('clips/test')['predictions'][0]
            found[name] = [sorted(answer), str(inferencer.model.checkpoint)]
        print(json.dumps(found))
    """
    lines = [line[8:] for line in script.splitlines()]
    found = json.loads(run(installed, '-c', '\n'.join(lines), cwd=tmp_path).splitlines()[-1])
    for name, (tasks, checkpoint) in found.items():
        assert checkpoint == f'auxskd_mm://{name}'
        assert tasks == sorted(['filename', *(['pace', 'segment'] if name == 'vspp_motion' else ['class'])])


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
    (checkout / 'tools' / 'data' / 'brand_new.py').write_text(
        '"""Be new."""\n\nif __name__ == "__main__":\n    print("here")\n'
    )
    assert run(python.parent / 'auxskd-mm', 'brand-new', cwd=tmp_path) == 'here\n'


def test_requirements_fit_together():
    done = subprocess.run([sys.executable, *PIP, 'check'], capture_output=True, text=True)
    complaints = [line for line in done.stdout.splitlines() if line and 'No broken requirements' not in line]
    # decord's wheel is for every Python 3, but its metadata names CPython 3.6 alone.
    assert [line for line in complaints if not line.startswith('decord 0.6.0 is not supported on this platform')] == []


def test_the_pinned_packages_take_the_python_of_debian():
    """`make setup` uses the system's Python: that of Debian 12 is 3.11.2, whatever runs here."""
    refused = []
    for line in (ROOT / 'constraints.txt').read_text().splitlines():
        name, _, version = line.partition('==')
        with contextlib.suppress(importlib.metadata.PackageNotFoundError, ValueError):
            found = importlib.metadata.distribution(name)
            asked = found.metadata.get('Requires-Python') or ''
            if found.version == version and '3.11.2' not in SpecifierSet(asked):
                refused.append(f'{line}: {asked}')
    assert refused == []
