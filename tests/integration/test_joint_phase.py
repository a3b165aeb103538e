"""The checkpoint of joint training answers the head's task, in tools/test.py and in the inferencer."""

import json

import torch
from conftest import write_video
from tool_runs import CONFIGS, TINY_AUXSKD, TINY_TEST, TINY_VSPP, tiny_clips

from auxskd_mm.apis import PretextInferencer, init_model, load_config, predict

JOINT, VSPP = (CONFIGS / 'demo' / name for name in ('auxskd_vspp_joint_motion.py', 'vspp_motion.py'))
TINY = {**TINY_AUXSKD, 'model.cls_head.in_channels': 16}


def test_a_joint_checkpoint_answers_as_a_recogniser_with_its_backbone_and_head(call, tmp_path):
    data = {'data_root': str(tiny_clips(tmp_path / 'clips'))}
    trained = call('train.py', JOINT, '--work-dir', tmp_path / 'run', options={**TINY, **data})
    assert trained.code == 0, trained.err
    checkpoint = tmp_path / 'run' / 'epoch_1.pth'
    assert {'cls_head', 'neck', 'queue', 'teacher'} <= {
        key.split('.')[0] for key in torch.load(checkpoint, weights_only=False)['state_dict']
    }
    tiny_test = {**data, **TINY_TEST}
    vspp = {key: value for key, value in TINY_VSPP.items() if key.startswith('model.')}
    results = []
    for name, config, tiny in (('joint', JOINT, TINY), ('vspp', VSPP, vspp)):
        words = (config, checkpoint, '--work-dir', tmp_path / name)
        tested = call('test.py', *words, options={**tiny, **tiny_test})
        assert tested.code == 0, tested.err
        written = next(path for path in (tmp_path / name).glob('*/*.json') if '.protocol.' not in path.name)
        results.append({key: value for key, value in json.loads(written.read_text()).items() if 'acc' in key})
    assert results[0] == results[1]
    assert {'vspp/pace_acc', 'vspp/segment_acc'} <= set(results[0])

    write_video(tmp_path / 'a.mp4', num_frames=40)
    joint = PretextInferencer(load_config(str(JOINT), TINY), str(checkpoint), 'cpu', num_clips=2, show_progress=False)
    answers = joint(str(tmp_path / 'a.mp4'))['predictions']
    model = init_model(load_config(str(VSPP), vspp), str(checkpoint), 'cpu')
    assert answers == [one.as_dict() for one in predict(model, str(tmp_path / 'a.mp4'), num_clips=2)]
