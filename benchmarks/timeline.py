"""A timeline of a synthetic hour with known events: frames exact, event F1, and the multiple of real time.

    python benchmarks/timeline.py --out DIR                      # trains a small classifier, then an hour; about 10 minutes
    python benchmarks/timeline.py --out DIR --seconds 60 --train 4 --epochs 1      # to see that it runs

The classifier is configs/demo/finetune_motion.py on MotionClips of four motions: 16 of every second frame at 25 frames per
second. The recording is MotionClips of the test split joined with cuts, each 3 to 8 s long. Its frames are small, at 12
per second, and the classifier takes every one. A few windows are also sampled alone, the slow second way, and compared
with those of the single pass. On a busy machine the multiple of real time is that of the processor's own seconds.
"""

from __future__ import annotations

import argparse
import dataclasses
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import torch
from machine import machine

from auxskd_mm.apis import init_model, load_config
from auxskd_mm.apis.inference import inference_pipeline
from auxskd_mm.apis.timelines import EventRules, predict_timeline, write_timeline
from auxskd_mm.apis.timelines.one_pass import OnePass
from auxskd_mm.apis.timelines.windows import plan_windows
from auxskd_mm.datasets.motion_clips import MotionClipsSettings, make_motion_clips, make_recording
from auxskd_mm.datasets.recordings.names import window_path
from auxskd_mm.evaluation.events import read_events
from auxskd_mm.evaluation.events.f1 import f1_table

ROOT = Path(__file__).resolve().parents[1]
CONFIG = ROOT / 'configs' / 'demo' / 'finetune_motion.py'
CLASSES = ('translation', 'rotation', 'zoom', 'bounce')


def overrides(clips: Path, epochs: int) -> dict[str, object]:
    """Overrides of the config."""
    return {
        'data_root': str(clips),
        'num_classes': len(CLASSES),
        'epochs': epochs,
        'train_dataloader.num_workers': 0,
        'train_dataloader.persistent_workers': False,
        'test_dataloader.num_workers': 0,
    }


def trained(out: Path, settings: MotionClipsSettings, epochs: int) -> tuple[Path, Path]:
    """Folder of the clips, and a checkpoint of a classifier trained on them."""
    clips = out / 'clips'
    make_motion_clips(clips, settings, workers=1)
    checkpoint = out / 'classifier' / f'epoch_{epochs}.pth'
    if not checkpoint.exists():
        began = time.perf_counter()
        pairs = [f'{key}={value}' for key, value in overrides(clips, epochs).items()]
        words = [ROOT / 'tools' / 'train.py', CONFIG, '--work-dir', out / 'classifier', '--cfg-options', *pairs]
        subprocess.run([sys.executable, *map(str, words)], check=True, stdout=subprocess.DEVNULL)
        print(f'trained for {time.perf_counter() - began:.0f} s', file=sys.stderr)
    return clips, checkpoint


def count_unequal(model: torch.nn.Module, recording: Path, window: float, stride: float, number: int) -> int:
    """Windows of the single pass that differ from the same window sampled alone, of ``number`` evenly spread ones."""
    pipeline = inference_pipeline(model.cfg, 'as_is', 1)
    reader = pipeline.transforms[0](dict(filename=str(recording)))['video_reader']
    windows, _ = plan_windows(reader, window, stride)
    chosen = set(np.linspace(0, len(windows) - 1, number).round().astype(int).tolist())
    unequal = 0
    for index, inputs in enumerate(OnePass(pipeline.transforms, reader, windows)):
        if index in chosen:
            name = window_path(str(recording), windows[index])
            alone = pipeline(dict(filename=name, sample_idx=index, test_mode=True))
            unequal += not torch.equal(inputs['inputs'], alone['inputs'])
    return unequal


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', required=True, help='folder for clips, classifier, recording and timeline')
    parser.add_argument('--seconds', type=float, default=3600)
    parser.add_argument('--window', type=float, default=2.0)
    parser.add_argument('--stride', type=float, default=0.5)
    parser.add_argument('--fps', type=int, default=12, help='of the recording')
    parser.add_argument('--width', type=int, default=64, help='of the recording')
    parser.add_argument('--height', type=int, default=48, help='of the recording')
    parser.add_argument('--train', type=int, default=100, help='training clips per class')
    parser.add_argument('--epochs', type=int, default=15)
    parser.add_argument('--batch-size', type=int, default=16)
    parser.add_argument('--compare', type=int, default=200, help='windows that are also sampled alone')
    args = parser.parse_args()
    torch.set_num_threads(1)
    out = Path(args.out)
    settings = MotionClipsSettings(train=args.train, val=0, test=0, classes=CLASSES)
    clips, checkpoint = trained(out, settings, args.epochs)
    recording = out / 'recording.mp4'
    if not recording.exists():
        small = dataclasses.replace(settings, gop=24, fps=args.fps, width=args.width, height=args.height)
        make_recording(recording, small, args.seconds)
    options = {**overrides(clips, args.epochs), 'frame_interval': max(1, round(args.fps / 12.5))}
    model = init_model(load_config(str(CONFIG), options), str(checkpoint))
    model.cfg.classes = CLASSES
    began = time.process_time()
    timeline = predict_timeline(
        model, recording, window=args.window, stride=args.stride, batch_size=args.batch_size, progress=sys.stderr
    )
    worked = time.process_time() - began
    truth = read_events(recording.with_suffix('.txt'), timeline.names, timeline.duration)
    rules = EventRules()
    write_timeline(out / 'recording.timeline.json', timeline, rules, truth)
    unequal = count_unequal(model, recording, args.window, args.stride, args.compare)
    print(f'{machine()}; one thread\n\n{timeline.describe()}')
    print(f"\n{timeline.duration / worked:.1f} times real time in the processor's own {worked:.1f} s")
    print(f'\n{unequal} of {args.compare} windows differ from the same window sampled alone')
    print(f'\n{len(truth)} true events:\n\n{f1_table(rules.events(timeline), truth)}')


if __name__ == '__main__':
    main()
