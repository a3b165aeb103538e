"""Write the model zoo's generated parts: metafiles, model-index.yml and the tables of configs/README.md."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from tool_start import ToolParser, start


def parse_args() -> argparse.Namespace:
    parser = ToolParser(__doc__, 'python tools/misc/update_zoo.py --check')
    parser.add_argument('--root', default=str(Path(__file__).resolve().parents[2]), help='folder of the repository')
    parser.add_argument('--check', action='store_true', help='write nothing; an error if something is out of date')
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from auxskd_mm.errors import InputError
    from auxskd_mm.zoo.metafiles import zoo_files

    root = Path(args.root)
    stale = {name: text for name, text in zoo_files(root).items() if _read(root / name) != text}
    if args.check and stale:
        raise InputError(f'out of date: {", ".join(stale)}; run python tools/misc/update_zoo.py')
    for name, text in stale.items():
        try:
            (root / name).write_text(text, encoding='utf-8')
        except OSError as error:
            raise InputError(f'{root / name}: cannot be written ({error.strerror})') from None
        print(f'written: {name}')


def _read(path: Path) -> str | None:
    return path.read_text(encoding='utf-8') if path.is_file() else None


if __name__ == '__main__':
    start(parse_args, main)
