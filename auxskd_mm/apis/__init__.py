"""What the tools call and a notebook can call."""

from .command_line import build_runner, load_config, run_tool, set_work_dir

__all__ = ['build_runner', 'load_config', 'run_tool', 'set_work_dir']
