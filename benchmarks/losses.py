"""Time of the losses against a queue with their diagnostics, forward and backward, on this machine's CPU.

python benchmarks/losses.py              # auxSKD at 30 x 15,360, RSPNet at 32 x 16,384, one thread

The alternative runs in the same process. It computes the similarities once for the loss and again for the diagnostics.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F

from auxskd_mm.models.losses import QueueContrastiveLoss, SimilarityDistillationLoss


def compare(steps: dict[str, Callable[[], None]], rounds: int) -> dict[str, list[float]]:
    """Milliseconds of each step, taken in turns so that other load meets all alike; two rounds warm up."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(rounds + 2):
        for name, step in steps.items():
            start = time.perf_counter()
            step()
            times[name].append(1000 * (time.perf_counter() - start))
    return {name: values[2:] for name, values in times.items()}


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

    def aux_skd_apart() -> None:
        similarity(student, teacher, anchors).backward()
        similarity(student.detach(), teacher, anchors, with_diagnostics=True)

    def rspnet() -> None:
        (first, _), (second, _) = contrastive.with_accuracy(query, (same, different), queue)
        (first + second).backward()

    def rspnet_apart() -> None:
        (contrastive(query, same, queue) + contrastive(query, different, queue)).backward()
        for key in (same, different):
            (contrastive.logits(query.detach(), key, queue).argmax(1) == 0).float().mean()

    print('| loss and diagnostics | ms, median (range) | computed apart | ratio |\n|---|---|---|---|')
    for name, together, apart in (('auxSKD', aux_skd, aux_skd_apart), ('RSPNet', rspnet, rspnet_apart)):
        times = compare(dict(together=together, apart=apart), args.rounds)
        medians = {key: statistics.median(values) for key, values in times.items()}
        texts = [f'{medians[key]:.1f} ({min(values):.1f}-{max(values):.1f})' for key, values in times.items()]
        print(f'| {name} | {texts[0]} | {texts[1]} | {medians["apart"] / medians["together"]:.2f}x |')


if __name__ == '__main__':
    main()
