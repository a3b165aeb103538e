"""Time of the losses against a queue with their diagnostics, forward and backward, on this machine's CPU.

python benchmarks/losses.py              # auxSKD at 30 x 15,360, RSPNet at 32 x 16,384, one thread
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F

from auxskd_mm.models.losses import QueueContrastiveLoss, SimilarityDistillationLoss


def milliseconds(step: Callable[[], None], rounds: int) -> str:
    """Median and range of a call after two to warm up."""
    times = []
    for _ in range(rounds + 2):
        start = time.perf_counter()
        step()
        times.append(1000 * (time.perf_counter() - start))
    times = times[2:]
    return f'{statistics.median(times):.1f} ({min(times):.1f}-{max(times):.1f})'


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--rounds', type=int, default=25)
    parser.add_argument('--threads', type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    draw = lambda count: F.normalize(torch.randn(count, 128), dim=1)  # noqa: E731
    similarity, contrastive = SimilarityDistillationLoss(), QueueContrastiveLoss()
    student, teacher, anchors = draw(30).requires_grad_(), draw(30), draw(15360)
    query, same, different, queue = draw(32).requires_grad_(), draw(32), draw(32), draw(16384)

    def aux_skd() -> None:
        similarity(student, teacher, anchors, with_diagnostics=True)[0].backward()

    def rspnet() -> None:
        (first, _), (second, _) = contrastive.with_accuracy(query, (same, different), queue)
        (first + second).backward()

    print('| loss and diagnostics | ms, median (range) |\n|---|---|')
    for name, step in dict(auxSKD=aux_skd, RSPNet=rspnet).items():
        print(f'| {name} | {milliseconds(step, args.rounds)} |')


if __name__ == '__main__':
    main()
