"""Time of a search of probes with one BLAS thread for each small fit, and with all threads, on this machine's CPU.

python benchmarks/probe_search.py                # 800 clips of 10 classes, 16 groups, as own_videos.py searches

Both ways run in turns in one process, on the same drawn features.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np
from machine import machine

from auxskd_mm.evaluation.probes import ProbeSearch, search


def draw(clips: int, classes: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Drawn features (clips, width) of classes that differ in width / 8 directions, and the classes (clips,)."""
    rng = np.random.default_rng(0)
    labels = np.arange(clips) % classes
    shared = rng.normal(size=(width, width // 8))
    hidden = 2 * rng.normal(size=(classes, width // 8))[labels] + rng.normal(size=(clips, width // 8))
    return (hidden @ shared.T + rng.normal(size=(clips, width))).astype(np.float32), labels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--clips', type=int, default=800)
    parser.add_argument('--classes', type=int, default=10)
    parser.add_argument('--widths', type=int, nargs='+', default=[112, 448, 1792], help='of the poolings')
    parser.add_argument('--rounds', type=int, default=3)
    args = parser.parse_args()
    features, labels = draw(args.clips, args.classes, max(args.widths))
    views = {f'maps/{width}': [features[:, :width]] for width in args.widths}
    groups = np.arange(args.clips) // args.classes % 16
    run = ProbeSearch(strengths=(1e-3, 1e-2, 1e-1, 1.0), folds=2, nested=False)
    small, times = search._SMALL, dict[str, list[float]](one=[], all=[])
    run(views, labels, groups)  # warm-up
    for _ in range(args.rounds):
        for way, most in (('one', small), ('all', 0)):
            search._SMALL = most
            start = time.perf_counter()
            run(views, labels, groups)
            times[way].append(time.perf_counter() - start)
    one, every = (statistics.median(times[way]) for way in ('one', 'all'))
    print(machine(('scikit-learn', 'scipy')))
    print(f'{args.clips} clips of {args.classes} classes, widths {args.widths}: median of {args.rounds}')
    print(f'one thread per small fit: {one:.2f} s; all threads: {every:.2f} s; ratio {every / one:.1f}')


if __name__ == '__main__':
    main()
