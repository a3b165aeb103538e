"""What the tools call and a notebook can call."""

from .command_line import CfgOptions, build_runner, load_config, run_tool, set_work_dir

__all__ = ['CfgOptions', 'build_runner', 'load_config', 'run_tool', 'set_work_dir']
