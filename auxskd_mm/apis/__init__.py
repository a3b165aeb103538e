"""What the tools call and a notebook can call."""

from ..config.load import load_config, set_work_dir
from ..launch.runner import build_runner
from ..launch.tool import CfgOptions, run_tool
from .extract_features import extract_features
from .inference import init_model, predict, predict_pace
from .inferencer import PretextInferencer

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
