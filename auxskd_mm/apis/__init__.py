"""Functions for the tools and for notebooks."""

from importlib import import_module
from typing import Any

from ..config.load import load_config, set_work_dir
from ..launch.runner import build_runner
from ..launch.tool import CfgOptions, run_tool
from .extract_features import extract_features
from .inference import init_model, predict, predict_pace
from .inferencer import PretextInferencer

# Functions that draw: matplotlib is imported with the first of them.
_PICTURES = {
    'browse_clips': 'browse_clips',
    'class_activation': 'activation',
    'draw_activations': 'activation',
    'draw_feature_files': 'feature_pictures',
    'draw_pace_embedding': 'feature_pictures',
    'draw_pretext_confusion': 'pretext_confusion',
    'draw_retrieval': 'feature_pictures',
}

__all__ = [
    'CfgOptions',
    'PretextInferencer',
    'build_runner',
    'extract_features',
    'init_model',
    'load_config',
    'predict',
    'predict_pace',
    'run_tool',
    'set_work_dir',
]


def __getattr__(name: str) -> Any:
    if name not in _PICTURES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return getattr(import_module(f'{__name__}.pictures.{_PICTURES[name]}'), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_PICTURES])
