"""A linear probe on cached features beside the end-to-end frozen run: the same accuracy, in what share of the time?

Both ways classify MotionClips with the demo's network. The network is frozen and in eval mode, and both use the same
weights. Both are tested on two uniform clips of each held-out video.

*Cached* is configs/demo/probe_motion.py with only its probe. It extracts the features of two uniform clips per video once.
L-BFGS fits the classifier, and a fifth of the training videos selects its weight decay. *End to end* is
configs/demo/finetune_motion.py with the whole backbone frozen and the schedule of configs/downstream/linear_* (Adam 0.01,
x0.3 after 4 and 8 of 10 epochs). It draws a random clip and crop of every video in every epoch. A third way applies the
same schedule to the cached features. This separates the cost of caching from the gain of the optimiser.

    python benchmarks/linear_probe.py                                  # makes 100 + 50 clips per class; some minutes
    python benchmarks/linear_probe.py --checkpoint work_dirs/pace_motion/epoch_2.pth
    python benchmarks/linear_probe.py --train 4 --test 2 --epochs 1    # a smoke test
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from machine import machine
from mmengine.config import Config

from auxskd_mm.apis import build_runner, load_config
from auxskd_mm.datasets.motion_clips import MotionClipsSettings, make_motion_clips
from auxskd_mm.evaluation import FeatureBank
from auxskd_mm.registry import MODELS

CONFIGS = Path(__file__).resolve().parents[1] / 'configs' / 'demo'
LEARNING_RATE, MILESTONES, GAMMA = 0.01, [4, 8], 0.3


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--checkpoint', help='of a pretraining of the demo network; without it random weights')
    parser.add_argument('--clips', help='MotionClips folder with train.txt and test.txt; without it one is made')
    parser.add_argument('--train', type=int, default=100, help='clips per class, where a set is made')
    parser.add_argument('--test', type=int, default=50, help='clips per class, where a set is made')
    parser.add_argument('--epochs', type=int, default=10, help='of the end-to-end run')
    parser.add_argument('--batch', type=int, default=64, help='of the end-to-end run')
    parser.add_argument('--threads', type=int, default=torch.get_num_threads())
    return parser.parse_args()


def cached_config(clips: str, work_dir: Path, weights: str) -> Config:
    """The demo's probe without k-NN and retrieval."""
    config = load_config(str(CONFIGS / 'probe_motion.py'), {'test_dataloader.dataset.common.data_root': clips})
    config.test_evaluator = [e for e in config.test_evaluator if e.type == 'auxskd_mm.LinearProbeMetric']
    config.test_evaluator[0].save_to = str(work_dir / 'features')
    return prepared(config, work_dir / 'cached', weights)


def end_to_end_config(clips: str, work_dir: Path, weights: str, epochs: int, batch: int) -> Config:
    """The demo's fine-tuning with a frozen backbone."""
    options: dict[str, Any] = {f'{part}_dataloader.dataset.data_root': clips for part in ('train', 'test')}
    config = load_config(str(CONFIGS / 'finetune_motion.py'), options)
    config.model.backbone.frozen_stages = 4  # all
    config.train_dataloader.update(batch_size=batch, drop_last=False)
    config.optim_wrapper.optimizer = dict(type='Adam', lr=LEARNING_RATE)
    config.param_scheduler = [dict(type='MultiStepLR', by_epoch=True, milestones=MILESTONES, gamma=GAMMA)]
    config.train_cfg.max_epochs = epochs
    config.default_hooks.checkpoint.interval = epochs
    return prepared(config, work_dir / 'end_to_end', weights)


def prepared(config: Config, work_dir: Path, weights: str) -> Config:
    """Set the work dir and the starting weights of a config."""
    config.work_dir, config.load_from = str(work_dir), weights
    config.randomness = dict(seed=0)
    config.log_level = 'WARNING'
    return config


def start_weights(path: str | None, work_dir: Path) -> str:
    """A checkpoint that both runs start from: the given one, or random weights written as one."""
    if path is not None:
        return path
    config = load_config(str(CONFIGS / 'probe_motion.py'))
    torch.manual_seed(0)
    backbone = MODELS.build(config.model.backbone)
    file = work_dir / 'random.pth'
    torch.save(dict(state_dict={f'backbone.{k}': v for k, v in backbone.state_dict().items()}), file)
    return str(file)


def run_cached(config: Config) -> tuple[float, float]:
    """Seconds, and accuracy on the held-out videos."""
    start = time.perf_counter()
    result = build_runner(config).test()
    return time.perf_counter() - start, result['linear/top1']


def fit_as_end_to_end(features: Path, epochs: int, batch: int) -> tuple[float, float]:
    """The end-to-end run's classifier, start, optimizer and schedule on cached features: seconds, and accuracy."""
    start = time.perf_counter()
    train, test = (FeatureBank.load(features / f'{name}.npz') for name in ('gallery', 'query'))
    inputs, labels = torch.from_numpy(train.features), torch.from_numpy(train.labels)
    torch.manual_seed(0)
    classifier = torch.nn.Linear(inputs.shape[1], int(labels.max()) + 1)
    torch.nn.init.normal_(classifier.weight, std=0.01)
    torch.nn.init.zeros_(classifier.bias)
    optimizer = torch.optim.Adam(classifier.parameters(), LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, MILESTONES, GAMMA)
    for _ in range(epochs):
        for part in torch.randperm(len(inputs)).split(batch):
            optimizer.zero_grad()
            F.cross_entropy(classifier(inputs[part]), labels[part]).backward()
            optimizer.step()
        schedule.step()
    with torch.no_grad():
        hits = classifier(torch.from_numpy(test.features)).argmax(1) == torch.from_numpy(test.labels)
    return time.perf_counter() - start, float(hits.double().mean())


def run_end_to_end(config: Config, weights: str) -> tuple[float, float]:
    """The same; refuses a backbone that moved."""
    start = time.perf_counter()
    runner = build_runner(config)
    runner.train()
    result = runner.test()
    spent = time.perf_counter() - start
    before = torch.load(weights, map_location='cpu', weights_only=True)['state_dict']
    moved = [
        k for k, v in runner.model.backbone.state_dict().items() if not torch.equal(v.cpu(), before[f'backbone.{k}'])
    ]
    if moved:
        raise SystemExit(f'the backbone was to be frozen, but {len(moved)} tensors of it changed, e.g. {moved[0]}')
    return spent, result['acc/top1']


def main() -> None:
    args = parse_args()
    torch.set_num_threads(args.threads)
    with tempfile.TemporaryDirectory() as folder:
        work_dir = Path(folder)
        clips = args.clips or str(work_dir / 'clips')
        if args.clips is None:
            make_motion_clips(clips, MotionClipsSettings(train=args.train, val=0, test=args.test))
        weights = start_weights(args.checkpoint, work_dir)
        cached = run_cached(cached_config(clips, work_dir, weights))
        refit = fit_as_end_to_end(work_dir / 'features', args.epochs, args.batch)
        whole = run_end_to_end(end_to_end_config(clips, work_dir, weights, args.epochs, args.batch), weights)
        counts = [len(Path(clips, f'{split}.txt').read_text().splitlines()) for split in ('train', 'test')]
    report(args, dict(whole=whole, cached=cached, refit=refit), *counts)


def report(args: argparse.Namespace, runs: dict[str, tuple[float, float]], train: int, test: int) -> None:
    """Print the table, whether the accuracies differ by more than chance, and last the ratio of the times.

    Args:
        args: Arguments of the command line.
        runs: Seconds and accuracy of 'whole', 'cached' and 'refit'. The time of 'refit' excludes the extraction.
        train: Training videos.
        test: Test videos.
    """
    print(f'\n{machine(("torch", "av"))}; {args.threads} thread(s)')
    print(f'MotionClips, {train} training and {test} test videos; weights: {args.checkpoint or "random"}\n')
    print('| way | seconds | accuracy, 95% interval |\n|---|---|---|')
    names = dict(
        whole=f'end to end, {args.epochs} epochs of Adam',
        cached='cached features, L-BFGS and choice of weight decay, extraction included',
        refit="cached features, the end-to-end run's Adam, without the extraction",
    )
    errors = {}
    for key, name in names.items():
        seconds, accuracy = runs[key]
        errors[key] = 1.96 * math.sqrt(accuracy * (1 - accuracy) / test)
        print(f'| {name} | {seconds:.1f} | {100 * accuracy:.1f}% ± {100 * errors[key]:.1f} |')
    print()
    for key, name in (('refit', 'caching alone (same optimiser)'), ('cached', 'cached, L-BFGS')):
        # As of two independent samples: the videos are the same, so the true spread of the difference is smaller.
        difference, noise = runs[key][1] - runs['whole'][1], math.hypot(errors[key], errors['whole'])
        verdict = 'within' if abs(difference) <= noise else 'NOT within'
        print(
            f'{name} - end to end: {100 * difference:+.1f} points, {verdict} the noise of {test} videos '
            f'(±{100 * noise:.1f})'
        )
    print(f'ratio of times, end to end / cached: {runs["whole"][0] / runs["cached"][0]:.1f}')


if __name__ == '__main__':
    main()
