"""The weights that come with the package: small, safe to read, known by name, and measured above the best constant answer."""

from __future__ import annotations

import hashlib
import json
import re

import pytest
import torch
from mmengine.runner.checkpoint import CheckpointLoader
from tool_runs import CONFIGS, ROOT, call_tool

from auxskd_mm import checkpoint_files
from auxskd_mm.apis import PretextInferencer, init_model, load_config, predict
from auxskd_mm.checkpoint_files import packaged_file, packaged_weights, read_checkpoint
from auxskd_mm.datasets.motion_clips import MotionClipsSettings, make_motion_clips
from auxskd_mm.errors import InputError
from auxskd_mm.records.provenance import read_meta
from auxskd_mm.zoo import packaged
from auxskd_mm.zoo.merge_adapters import merge_adapters

NAMES = ['adapters_motion', 'finetune_motion', 'vspp_motion']
MACHINE = re.compile(r"""(?<![\w.:/-])/(work|tmp|home|root|usr|opt|mnt)/""")


@pytest.fixture(scope='module')
def clips(tmp_path_factory):
    """Two test clips of each motion, the first ones of the set that the weights were tested on."""
    folder = tmp_path_factory.mktemp('clips')
    make_motion_clips(folder, MotionClipsSettings(train=1, val=0, test=2))
    return folder


def results(name):
    return json.loads((CONFIGS / 'results' / f'{name}--motion_clips.protocol.json').read_text())


def test_there_are_three_of_at_most_5_mb():
    files = sorted((ROOT / 'auxskd_mm' / 'zoo' / 'weights').glob('*.pth'))
    assert list(packaged_weights()) == NAMES == sorted(packaged.PACKAGED_MODELS)
    assert files == sorted(packaged_weights().values())  # one file for each name
    assert all(path.stat().st_size <= packaged.LARGEST for path in files)


@pytest.mark.parametrize('name', NAMES)
def test_a_file_holds_plain_tensors_its_history_and_no_path_of_a_machine(name):
    content = torch.load(packaged_weights()[name], weights_only=True)
    assert set(content) == {'meta', 'state_dict'}
    assert content['meta']['training']['data'] == [
        f'work_dirs/zoo/clips/train{"" if name == "vspp_motion" else ".txt"}'
    ]
    assert not MACHINE.search(repr(content['meta']))
    assert read_meta(f'auxskd_mm://{name}')['training'] == content['meta']['training']


@pytest.mark.parametrize('name', NAMES)
def test_protocol_and_card_are_those_of_the_file(name):
    path, found = packaged_weights()[name], results(name)
    assert found['protocol']['checkpoint'] == f'auxskd_mm://{path.name}'
    assert not MACHINE.search(json.dumps(found))
    card = (path.parent / f'{name}.md').read_text()
    assert path.name in card
    assert hashlib.sha256(path.read_bytes()).hexdigest() in card
    assert not MACHINE.search(card)
    assert (path.parent / f'../../../configs/results/{name}--motion_clips.protocol.json').is_file()


@pytest.mark.parametrize('name', NAMES)
def test_every_task_is_above_the_best_constant_answer(name, tmp_path):
    balanced = tmp_path / 'test.txt'
    balanced.write_text(''.join(f'clip_{i}.mp4 {i % 10}\n' for i in range(200)))
    packaged.check_learned(name, results(name)['result'], balanced)
    card = (packaged_weights()[name].parent / f'{name}.md').read_text()
    for task in packaged.answers(results(name)['result'], balanced):
        assert f'| {task["name"]} | {100 * task["score"]:.1f}% |' in card


def test_what_is_not_above_the_best_constant_answer_is_refused(tmp_path):
    """By hand: Wilson's interval of 31 in 200 starts at 11.1%, of 28 in 200 at 9.9%; the most frequent label has 20 of 200."""
    tested = tmp_path / 'test.txt'
    tested.write_text(''.join(f'clip_{i}.mp4 {i % 10}\n' for i in range(200)))
    packaged.check_learned('x', {'acc/top1': 31 / 200}, tested)
    with pytest.raises(
        InputError, match=r'x: not published, because its class has 14\.0% .*from 9\.9.*constant answer 10\.0%'
    ):
        packaged.check_learned('x', {'acc/top1': 28 / 200}, tested)
    pretext = {'vspp/pace_acc': 0.5, 'vspp/pace_chance': 0.25, 'vspp/pace_ci95': 0.1}
    packaged.check_learned('x', pretext, tested)
    with pytest.raises(InputError, match='its segment has 30'):
        packaged.check_learned(
            'x', {**pretext, 'vspp/segment_acc': 0.3, 'vspp/segment_chance': 0.26, 'vspp/segment_ci95': 0.05}, tested
        )


def test_an_address_is_a_name_or_a_file_name():
    for name, path in packaged_weights().items():
        assert packaged_file(f'auxskd_mm://{name}') == packaged_file(f'auxskd_mm://{path.name}') == path
        state = CheckpointLoader.load_checkpoint(f'auxskd_mm://{name}', 'cpu')['state_dict']
        assert set(state) == set(read_checkpoint(f'auxskd_mm://{name}')['state_dict'])
    for load in (read_checkpoint, packaged_file, read_meta):
        with pytest.raises(InputError, match=r'auxskd_mm://vspp_moton: .*no such weights.*vspp_motion'):
            load('auxskd_mm://vspp_moton')


def test_a_damaged_file_is_refused(tmp_path, monkeypatch):
    path = packaged_weights()['vspp_motion']
    (tmp_path / path.name).write_bytes(path.read_bytes()[:-1] + b'x')
    monkeypatch.setattr(checkpoint_files, '_WEIGHTS', tmp_path)
    with pytest.raises(InputError, match=rf'{path.name}: damaged, its SHA-256 starts with'):
        read_checkpoint('auxskd_mm://vspp_motion')


def test_a_name_has_its_weights_and_a_file_has_none():
    published = read_checkpoint('auxskd_mm://vspp_motion')['state_dict']
    for model in (init_model('vspp_motion', device='cpu'), PretextInferencer('demo/vspp_motion', device='cpu').model):
        assert all(torch.equal(value, published[key]) for key, value in model.state_dict().items() if key in published)
        assert model.checkpoint == 'auxskd_mm://vspp_motion'
    for other in (str(CONFIGS / 'demo' / 'vspp_motion.py'), 'auxskd_mm::demo/vspp_motion.py', 'pace_motion'):
        assert init_model(other, device='cpu').checkpoint is None


def test_the_classifiers_name_the_motions_of_new_clips(clips):
    """The first 20 of the 200 test clips: 10% would be chance."""
    for name in ('finetune_motion', 'adapters_motion'):
        answers = predict(init_model(name, device='cpu'), clips / 'test', num_clips=2)
        right = [answer['class'].best == answer.filename.split('/')[-2] for answer in answers]
        assert len(right) == 20
        assert sum(right) >= 6, name


def test_adapters_alone_answer_as_merged_with_their_base(clips, tmp_path):
    config = load_config(str(CONFIGS / 'demo' / 'adapters_motion.py'))
    files = packaged_weights()
    merged = merge_adapters(config.model, files['adapters_motion'], tmp_path / 'merged.pth', base=files['vspp_motion'])
    whole, alone = init_model(config, merged, 'cpu'), init_model('adapters_motion', device='cpu')
    assert all(torch.equal(value, alone.state_dict()[key]) for key, value in whole.state_dict().items())


def test_the_test_tool_takes_adapters_alone(clips, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    options = {'data_root': clips, 'test_dataloader.batch_size': 10, 'test_dataloader.num_workers': 0}
    words = [CONFIGS / 'demo' / 'adapters_motion.py', 'auxskd_mm://adapters_motion', '--work-dir', 'out']
    ended = call_tool(monkeypatch, capfd, 'test.py', *words, options=options)
    assert ended.code == 0, ended.err
    (protocol,) = (tmp_path / 'out').glob('*/*.protocol.json')
    assert 'acc/top1' in json.loads(protocol.read_text())['result']


def test_publishing_replaces_what_was_there_and_refuses_large_files(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / packaged.WEIGHTS
    folder.mkdir(parents=True)
    (folder / 'vspp_motion-00000000.pth').write_bytes(b'old')
    (folder / 'finetune_motion-00000000.pth').write_bytes(b'another')
    torch.save(dict(state_dict={'backbone.a': torch.ones(3)}), tmp_path / 'iter_9.pth')
    made = packaged.publish('vspp_motion', dict(checkpoint=str(tmp_path / 'iter_9.pth')))
    assert sorted(path.name for path in folder.iterdir()) == sorted([made.name, 'finetune_motion-00000000.pth'])
    monkeypatch.setattr(packaged, 'LARGEST', 10)
    with pytest.raises(InputError, match='expected at most 10'):
        packaged.publish('vspp_motion', dict(checkpoint=str(tmp_path / 'iter_9.pth')))
