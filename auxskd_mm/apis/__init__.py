"""What the tools call and a notebook can call."""

from .command_line import CfgOptions, build_runner, load_config, run_tool, set_work_dir
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
