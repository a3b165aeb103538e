"""MMAction2's own inferencers take our configs and the packaged weights by name."""

from __future__ import annotations

import numpy as np
import pytest
from conftest import write_video
from mmaction.apis.inferencers import ActionRecogInferencer, MMAction2Inferencer
from tool_runs import ROOT

from auxskd_mm.apis import init_model, load_config, predict
from auxskd_mm.datasets.transforms import OpenVideo
from auxskd_mm.errors import InputError

CONFIG = str(ROOT / 'configs' / 'demo' / 'finetune_motion.py')
NAMES = load_config(CONFIG).classes


def test_the_same_class_scores_as_ours(tmp_path):
    """Up to what DecordDecode and PyAV differ in colours."""
    video, labels = tmp_path / 'a.mp4', tmp_path / 'labels.txt'
    write_video(video, num_frames=48)
    labels.write_text('\n'.join(NAMES))
    settings = dict(device='cpu', label_file=str(labels))
    one = ActionRecogInferencer(CONFIG, 'auxskd_mm://finetune_motion', input_format='video', **settings)
    (found,) = one(str(video))['predictions']
    other = MMAction2Inferencer(rec=CONFIG, rec_weights='auxskd_mm://finetune_motion', **settings)
    (again,) = other(str(video))['predictions']
    assert again == dict(rec_labels=[found['pred_labels']], rec_scores=[found['pred_scores']])
    config = load_config(CONFIG)
    (sampler,) = (step for step in config.test_dataloader.dataset.pipeline if step['type'] == 'SampleFrames')
    sampler.num_clips = 1  # as their inferencer sets it
    ours = predict(init_model(config, 'auxskd_mm://finetune_motion'), video, question='task')[0]['class']
    scores = np.array(found['pred_scores'][0])
    theirs = np.exp(scores - scores.max())
    assert tuple(ours.names) == tuple(NAMES)
    np.testing.assert_allclose(theirs / theirs.sum(), ours.probabilities, atol=0.05)
    assert NAMES[found['pred_labels'][0][0]] == ours.best


def test_weights_that_are_not_there():
    with pytest.raises(
        InputError, match=r'auxskd_mm://none: this package has no such weights; expected auxskd_mm:// and'
    ):
        ActionRecogInferencer(CONFIG, 'auxskd_mm://none', device='cpu')


def test_what_their_pipeline_cannot_give():
    with pytest.raises(InputError, match='DecordDecode gives RGB frames only'):
        OpenVideo(channel_order='bgr')(dict(filename='a.mp4', video_reader=object()))
    with pytest.raises(InputError, match=r"no 'filename'; give MMAction2's inferencer a video"):
        OpenVideo()(dict(array=np.zeros((2, 4, 4, 3), np.uint8), label=-1))
