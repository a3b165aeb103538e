"""The answers of a timeline belong to other moments than it says."""

import av
import numpy as np
import pytest
import torch
from mmaction.models.heads import I3DHead

from auxskd_mm.apis.timelines import EventRules, predict_timeline, write_timeline
from auxskd_mm.config.load import load_config
from auxskd_mm.evaluation.events import event_f1, read_events

RATE, COLOURS = 10, {'red': 0, 'green': 1, 'blue': 2}


class ByColour(torch.nn.Module):
    """A recogniser that needs no training: the class is the brightest channel of the middle frames."""

    def __init__(self):
        super().__init__()
        self.cfg = load_config('configs/demo/finetune_motion.py')
        self.cfg.classes = tuple(COLOURS)
        self.cls_head = I3DHead(num_classes=3, in_channels=1, average_clips='prob')
        self.batches = []

    def test_step(self, data):
        self.batches.append(len(data['inputs']))
        for clip, sample in zip(data['inputs'], data['data_samples']):
            mean = clip.float().mean((0, 2, 3, 4))
            sample.set_field(mean / mean.sum(), 'pred_score')
        return data['data_samples']


@pytest.fixture(scope='module')
def recording(tmp_path_factory):
    """A minute of colours with cuts, and its truth file."""
    folder, rng = tmp_path_factory.mktemp('minute'), np.random.default_rng(0)
    first, lines = 0, []
    with av.open(str(folder / 'colours.mp4'), 'w') as container:
        stream = container.add_stream('libx264', rate=RATE)
        stream.width, stream.height, stream.pix_fmt = 64, 48, 'yuv420p'
        while first < 60 * RATE:
            before = lines[-1].split()[2] if lines else ''
            name = str(rng.choice([colour for colour in COLOURS if colour != before]))
            count = min(int(rng.integers(25, 70)), 60 * RATE - first)
            count = count if 60 * RATE - first - count >= 25 else 60 * RATE - first
            lines.append(f'{first / RATE} {(first + count) / RATE} {name}\n')
            picture = np.full((48, 64, 3), 20, np.uint8)
            picture[..., COLOURS[name]] = 200
            for _ in range(count):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format='rgb24')))
            first += count
        container.mux(stream.encode(None))
    (folder / 'truth.txt').write_text(''.join(lines))
    return folder


@pytest.mark.parametrize('batch_size', [1, 7])
def test_events_of_a_minute_are_found_within_a_stride(recording, batch_size):
    model = ByColour()
    told = []
    timeline = predict_timeline(
        model, recording / 'colours.mp4', window=1.6, stride=0.4, batch_size=batch_size, check=lambda *a: told.append(a)
    )
    assert timeline.duration == pytest.approx(60)
    assert len(timeline.starts) == sum(model.batches) == int((60 - 1.6) / 0.4 + 1e-6) + 1
    assert told == [(tuple(COLOURS), timeline.duration)]
    truth = read_events(recording / 'truth.txt', timeline.names, timeline.duration)
    events = EventRules().events(timeline)
    assert event_f1(events, truth, 0.5).f1 == 1
    assert [event.label for event in events] == [event.label for event in truth]
    for event, true in zip(events, truth):
        assert event.start == pytest.approx(true.start, abs=0.45)
        assert event.end == pytest.approx(true.end, abs=0.45)


def test_parts_meet_and_cover_the_recording(recording):
    timeline = predict_timeline(ByColour(), recording / 'colours.mp4', window=3, stride=2)
    starts, ends = timeline.spans
    assert starts[0] == 0
    assert ends[-1] == timeline.duration
    np.testing.assert_array_equal(starts[1:], ends[:-1])
    np.testing.assert_allclose(starts[1:], np.arange(1, len(starts)) * 2 + 0.5)


def test_scores_do_not_depend_on_the_batches(recording):
    one, other = (
        predict_timeline(ByColour(), recording / 'colours.mp4', window=2, stride=1, batch_size=size) for size in (1, 8)
    )
    np.testing.assert_array_equal(one.scores, other.scores)
    assert one.kept_frames <= 2 * RATE + 1


def test_picture_is_drawn_without_truth_and_of_many_classes(recording, tmp_path):
    timeline = predict_timeline(ByColour(), recording / 'colours.mp4', window=2, stride=1)
    assert [path.exists() for path in write_timeline(tmp_path / 'a.png', timeline, EventRules())] == [True] * 4
