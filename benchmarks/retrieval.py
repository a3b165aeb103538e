"""Exact retrieval over a large gallery: our block-wise ``cosine_topk`` beside faiss (``IndexFlatIP``), alternating in one run.

Both start from the same features in memory, which are not normalised. faiss normalises a copy block by block, adds it to
an index and searches. Our way normalises and searches block by block and keeps no copy. Each way runs in its own process.
Peak memory is the growth of the resident size beyond the features. Every run checks that both find the same neighbours.
If the order differs from faiss's, the similarities must be equal up to the rounding of the scalar products.

    python benchmarks/retrieval.py                                # 1,000,000 x 512, 1,000 queries: needs 6 GiB
    python benchmarks/retrieval.py --gallery 20000 --queries 100  # a smoke test
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import faiss
import numpy as np
import torch
from machine import machine
from torch import Tensor

from auxskd_mm.functional.neighbours import cosine_topk

BLOCK = 16384
TOLERANCE = 1e-6  # of a cosine: float32 sums of some hundred products
WAYS = ('ours', 'faiss')


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--gallery', type=int, default=1_000_000, help='items')
    parser.add_argument('--queries', type=int, default=1000)
    parser.add_argument('--width', type=int, default=512)
    parser.add_argument('--k', type=int, default=50)
    parser.add_argument('--rounds', type=int, default=3, help='measured searches of each kind')
    parser.add_argument('--threads', type=int, default=torch.get_num_threads())
    parser.add_argument('--memory-of', choices=WAYS, help=argparse.SUPPRESS)
    return parser.parse_args()


def simulate(count: int, width: int, seed: int) -> Tensor:
    """Make features (count, width): a Gaussian after a ReLU, like pooled features, times a random scale per row."""
    generator = torch.Generator().manual_seed(seed)
    features = torch.empty(count, width)
    for block in features.split(BLOCK):
        block.normal_(generator=generator).clamp_(min=0)
        block.mul_(torch.rand(len(block), 1, generator=generator).add_(0.5))
    return features


def normalised(features: Tensor) -> np.ndarray:
    """A copy with rows of length 1."""
    rows = features.numpy().copy()
    faiss.normalize_L2(rows)
    return rows


def search_ours(queries: Tensor, gallery: Tensor, k: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Similarities and indices (Q, k), and 0 seconds of preparation."""
    found = cosine_topk(queries, gallery, k, gallery_block=BLOCK)
    return found.similarities.numpy(), found.indices.numpy(), 0.0


def search_faiss(queries: Tensor, gallery: Tensor, k: int) -> tuple[np.ndarray, np.ndarray, float]:
    """The same, and the seconds until the index stood."""
    start = time.perf_counter()
    index = faiss.IndexFlatIP(gallery.shape[1])
    for block in gallery.split(BLOCK):
        index.add(normalised(block))
    built = time.perf_counter() - start
    return *index.search(normalised(queries), k), built


SEARCHES: dict[str, Callable[[Tensor, Tensor, int], tuple[np.ndarray, np.ndarray, float]]] = dict(
    ours=search_ours, faiss=search_faiss
)


def check_same(
    ours: tuple[np.ndarray, np.ndarray], theirs: tuple[np.ndarray, np.ndarray]
) -> tuple[float, float, float]:
    """Refuse different results.

    Args:
        ours: Similarities and indices (Q, k), nearest first.
        theirs: Similarities and indices of faiss, in the same form.

    Returns:
        Largest difference of a similarity, the share of equal ranks, and the share of queries with equal sets of
        neighbours.

    Raises:
        SystemExit: If a similarity at any rank differs by more than rounding.
    """
    off = float(np.abs(ours[0] - theirs[0]).max())
    if off > TOLERANCE:
        raise SystemExit(f'ours and faiss differ: similarities by up to {off:.2g}, expected at most {TOLERANCE:g}')
    sets = np.mean([set(a) == set(b) for a, b in zip(ours[1].tolist(), theirs[1].tolist())])
    return off, float((ours[1] == theirs[1]).mean()), float(sets)


def resident() -> float:
    """Largest resident size of this process so far, in MiB (getrusage would count the parent's before the exec)."""
    status = Path('/proc/self/status').read_text()
    return int(status.split('VmHWM:')[1].split()[0]) / 1024


def peak_memory(way: str) -> float:
    """Growth in MiB of a process that holds the features and searches once."""
    command = [sys.executable, '-W', 'ignore', __file__, *sys.argv[1:], '--memory-of', way]
    return float(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()[-1])


def main() -> None:
    args = parse_args()
    torch.set_num_threads(args.threads)
    faiss.omp_set_num_threads(args.threads)
    # Before the features, so that each way's memory stands alone and no two galleries are held at a time.
    memory = {} if args.memory_of else {way: peak_memory(way) for way in WAYS}
    gallery, queries = (simulate(n, args.width, seed) for seed, n in enumerate((args.gallery, args.queries)))
    if args.memory_of:
        before = resident()
        SEARCHES[args.memory_of](queries, gallery, args.k)
        print(f'{resident() - before:.0f}')
        return
    for search in SEARCHES.values():
        search(queries, gallery[:BLOCK], args.k)
    times: dict[str, list[float]] = {way: [] for way in WAYS}
    built: list[float] = []
    for _ in range(args.rounds):
        found = {}
        for way, search in SEARCHES.items():
            start = time.perf_counter()
            similarities, indices, preparation = search(queries, gallery, args.k)
            times[way].append(time.perf_counter() - start)
            found[way] = similarities, indices
            built += [preparation] if way == 'faiss' else []
        same = check_same(found['ours'], found['faiss'])
    report(args, times, built, memory, same)


def report(
    args: argparse.Namespace,
    times: dict[str, list[float]],
    built: list[float],
    memory: dict[str, float],
    same: tuple[float, float, float],
) -> None:
    """Print the table, the check and, last, the ratio."""
    print(
        f'{machine(("torch", "faiss-cpu", "numpy"))}; {args.threads} thread(s)\n{args.queries} queries, top {args.k} of '
        f'{args.gallery} x {args.width} float32 ({args.gallery * args.width * 4 / 2**20:.0f} MiB), {args.rounds} round(s)\n'
    )
    print('| way | seconds, median (range) | peak MiB over the features |\n|---|---|---|')
    for way, name in (('ours', '`cosine_topk`'), ('faiss', 'faiss `IndexFlatIP`, index and search')):
        print(f'| {name} | {spread(times[way])} | {memory[way]:.0f} |')
    searches = [whole - part for whole, part in zip(times['faiss'], built)]
    print(f'| faiss, the search alone | {spread(searches)} | |')
    print(
        f'\nsame neighbours: {100 * same[1]:.2f}% of the ranks, {100 * same[2]:.1f}% of the sets; where not, as near: '
        f'similarities differ by at most {same[0]:.1e}'
    )
    # Pairs stand next to each other in time, so their ratio is steadier than that of the medians.
    for name, other in (('the search alone', searches), ('index and search', times['faiss'])):
        ratio = statistics.median(a / b for a, b in zip(times['ours'], other))
        print(f'ratio ours / faiss, {name}: {ratio:.2f}')


def spread(seconds: list[float]) -> str:
    """Median and range."""
    return f'{statistics.median(seconds):.2f} ({min(seconds):.2f}-{max(seconds):.2f})'


if __name__ == '__main__':
    main()
