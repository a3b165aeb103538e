"""Let torchcodec use the FFmpeg that PyAV's wheel brings, where no other one is installed (Linux).

    python tools/misc/link_ffmpeg.py ~/ffmpeg_of_pyav
    export LD_LIBRARY_PATH=~/ffmpeg_of_pyav

torchcodec looks for shared libraries such as libavcodec.so.62. The wheel has them under longer names. The tool makes a
folder of links with the names that torchcodec looks for, and with the names that the libraries have for each other. The
variable must be set before Python starts.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from tool_start import ToolParser, start

# libavcodec-5e6b81c2.so.62.28.102 of auditwheel, whose name in other libraries would be libavcodec.so.62.
_LIBRARY = re.compile(r'(lib(?:av|sw)\w+)-[0-9a-f]+\.so\.(\d+)')


def parse_args() -> argparse.Namespace:
    parser = ToolParser(__doc__, 'python tools/misc/link_ffmpeg.py ~/ffmpeg_of_pyav')
    parser.add_argument('folder', type=Path, help='folder for the links; those of an older PyAV are replaced')
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    import av

    from auxskd_mm.errors import InputError

    libraries = Path(av.__file__).parents[1] / 'av.libs'
    found = [(match, path) for path in sorted(libraries.glob('*')) if (match := _LIBRARY.match(path.name))]
    if not found:
        raise InputError(f'{libraries}: holds no shared FFmpeg (PyAV was built otherwise); install FFmpeg instead')
    args.folder.mkdir(parents=True, exist_ok=True)
    for old in args.folder.glob('lib*.so.*'):
        if old.is_symlink():
            old.unlink()
    for match, path in found:
        (args.folder / f'{match[1]}.so.{match[2]}').symlink_to(path)
    for path in libraries.glob('lib*.so.*'):  # a library looks for others beside the link to it, not beside itself
        (args.folder / path.name).symlink_to(path)
    print(f'{len(found)} links; before you start Python: export LD_LIBRARY_PATH={args.folder.resolve()}')


if __name__ == '__main__':
    start(parse_args, main)
