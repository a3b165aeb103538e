"""Explain a config (or recipe) in words, and check on the way that it builds and that its data fit its model."""

from __future__ import annotations

import argparse

from auxskd_mm.apis import CfgOptions, load_config, run_tool
from auxskd_mm.config.explain import describe_config
from auxskd_mm.launch.changes import describe_changes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='config file or recipe')
    parser.add_argument('--gpus', type=int, default=1, help='processes that would train, for the effective batch')
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions, help='overrides as key=value')
    args = parser.parse_args()
    config = load_config(args.config, args.cfg_options)
    print(describe_config(config, args.config, gpus=args.gpus))
    if config.get('model') is not None:
        print(describe_changes(config))


if __name__ == '__main__':
    run_tool(main)
