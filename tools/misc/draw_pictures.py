"""Draw the pictures of docs/pictures.md and README from a work dir of tools/demo.py --chain (clips and runs in it)."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))
from tool_start import ToolParser, start

ROOT = Path(__file__).resolve().parents[2]
COLOURS = 200  # of a palette, for pictures that would be larger than the next figure
MOST_BYTES = 150_000


def jobs(work: Path, out: Path) -> list[list[str]]:
    """Command lines below ``tools/``, in order; the pages show the same ones with other paths."""
    from auxskd_mm.errors import InputError

    clips, vspp = work / 'clips', sorted((work / 'vspp').glob('epoch_*.pth'))
    if not (clips / 'train').is_dir() or not vspp:
        raise InputError(
            f'{work}: no clips/train and vspp/epoch_*.pth in it; run `python tools/demo.py {work} --chain` first'
        )
    weights, classes = str(vspp[-1]), ['--classes', str(clips / 'classes.txt')]
    browse = 'visualization/browse_clips.py'
    demo = str(ROOT / 'configs' / 'demo' / '{}_motion.py')

    def sheet(config: str, name: str, number: int, *more: str) -> list[str]:
        path = str(out / f'{name}_clips.png')
        return [browse, config, '--videos', str(clips / 'train'), '--number', str(number), '--out', path, *more]

    made = [sheet(demo.format(name), name, 1, '--before') for name in ('auxskd', 'pace', 'vcop', 'rspnet')]
    features = work / 'frozen' / 'vspp' / 'features'
    network = ['--config', demo.format('vspp'), '--checkpoint', weights, '--videos', str(clips / 'test.txt')]
    test_set = ['--cfg-options', f'test_dataloader.dataset.source={clips / "test"}']
    runs = [f'whole clips={work / "vspp_whole"}', f'one segment={work / "vspp"}', '--panels', 'loss', 'pace_acc']
    mapped = ['--task', 'pace', '--layer', 'conv4b', '--out-dir', str(out)]
    clip = str(clips / 'test' / 'zoom' / 'zoom_00001.mp4')
    banks = [str(features / 'gallery.npz'), str(features / 'query.npz')]

    def to(name: str) -> list[str]:
        return ['--out', str(out / f'{name}.png')]

    return [
        sheet(demo.format('vspp'), 'vspp', 4),
        *made,
        ['visualization/retrieval_sheet.py', *banks, *classes, *to('retrieval')],
        ['visualization/embedding.py', *network, *classes, *to('embedding')],
        ['visualization/activation.py', demo.format('vspp'), weights, clip, *mapped],
        ['visualization/pace_confusion.py', demo.format('vspp'), weights, *to('pace_confusion'), *test_set],
        ['analysis/plot_curves.py', *runs, '--chance', 'pace_acc=0.25', *to('curves')],
        ['visualization/collapse_panel.py', str(work / 'auxskd'), *to('collapse')],
    ]


def parse_args() -> argparse.Namespace:
    parser = ToolParser(__doc__, 'python tools/misc/draw_pictures.py work_dirs/demo --out docs/images')
    parser.add_argument('work_dir', help='of tools/demo.py --chain')
    parser.add_argument('--out', default=str(ROOT / 'docs' / 'images'), help='folder for the PNGs')
    return parser.parse_args()


def main(args: argparse.Namespace) -> None:
    from PIL import Image

    from auxskd_mm.errors import InputError
    from auxskd_mm.files import check_writable

    out = Path(args.out)
    check_writable(out / 'curves.png')
    for words in jobs(Path(args.work_dir), out):
        done = subprocess.run(
            [sys.executable, str(ROOT / 'tools' / words[0]), *words[1:]], capture_output=True, text=True
        )
        if done.returncode:
            raise InputError(f'{words[0]}: {done.stderr.strip().splitlines()[-1]}')
        path = Path(done.stdout.strip().splitlines()[-1])
        if words[0].endswith('activation.py'):
            path = path.replace(out / 'activation.png')
        if path.stat().st_size > MOST_BYTES:
            with Image.open(path) as picture:
                small = picture.convert('RGB').quantize(COLOURS, dither=Image.Dither.NONE)
            small.save(path, optimize=True)
        print(f'{path}: {path.stat().st_size / 1000:.0f} kB', flush=True)


if __name__ == '__main__':
    start(parse_args, main)
