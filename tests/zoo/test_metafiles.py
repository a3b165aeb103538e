"""The zoo lists every config, mim's and MMEngine's readers find them, and no number stands without its protocol."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
import yaml
from mmengine.infer.infer import BaseInferencer
from tool_runs import CONFIGS, ROOT

from auxskd_mm.apis import load_config
from auxskd_mm.checkpoint_files import packaged_weights
from auxskd_mm.errors import InputError
from auxskd_mm.zoo.metafiles import (
    COLLECTIONS,
    NOT_MEASURED,
    backbone_flops,
    fill_tables,
    known_metadata,
    metafile_text,
    read_results,
    table_text,
    zoo_entries,
    zoo_files,
)

VSPP = next(collection for collection in COLLECTIONS if collection.name == 'VSPP')
PROTOCOL = dict(
    evaluation=['classification'],
    backbone='R2Plus1DVCOP()',
    clip=dict(frames=16),
    input=dict(order='bgr'),
    data=dict(test='UCF101 split 1'),
    checkpoint='best.pth',
    config='finetune_r21d_ucf101.py',
    command='tools/test.py ...',
    date='2026-11-24',
)


@pytest.fixture(scope='module')
def files():
    return zoo_files(ROOT)


@pytest.fixture
def results(tmp_path):
    """Writes a result beside a config of its own in a small repository."""
    (tmp_path / 'configs' / 'results').mkdir(parents=True)
    shutil.copytree(CONFIGS / '_base_', tmp_path / 'configs' / '_base_')
    shutil.copy2(CONFIGS / 'vspp_r21d_k100.py', tmp_path / 'configs')

    def write(content, name='vspp_r21d_k100--finetune_ucf101.protocol.json'):
        (tmp_path / 'configs' / 'results' / name).write_text(
            content if isinstance(content, str) else json.dumps(content)
        )
        return tmp_path

    return write


def test_what_is_committed_is_what_the_configs_give(files):
    for name, text in files.items():
        assert (ROOT / name).read_text() == text, f'{name} is out of date: run python tools/misc/update_zoo.py'


def test_every_config_is_listed_once_and_exists():
    models = BaseInferencer._get_models_from_metafile(str(ROOT))
    listed = [model['Config'] for model in models]
    assert len(listed) == len(set(listed))
    assert set(listed) == {
        path.relative_to(ROOT).as_posix() for folder in ('', 'downstream') for path in (CONFIGS / folder).glob('*.py')
    } | {f'configs/demo/{name}.py' for name in packaged_weights()}
    assert all(Path(model['Config']).stem == model['Name'] for model in models)
    for name in yaml.safe_load((ROOT / 'model-index.yml').read_text())['Import']:
        content = yaml.safe_load((ROOT / name).read_text())
        (about,) = content['Collections']
        assert (ROOT / about['README']).is_file()
        assert {model['In Collection'] for model in content['Models']} == {about['Name']}


def test_metadata_are_those_of_the_networks():
    known = known_metadata(ROOT)
    # 14,365,303 and 27,661,440 parameters: counted on the original code.
    assert known['vspp_r21d_k100']['Parameters'] == 14365303
    assert known['vspp_c3d_k100']['Parameters'] == 27661440
    assert known['vcop_r21d_k100'] | dict(FLOPs=0) == dict(
        known['vcop_r21d_k100'],
        **{'Batch Size': 8, 'Epochs': 300, 'Clip': '16 x 112 x 112', 'Architecture': 'R2Plus1DVCOP', 'FLOPs': 0},
    )
    config = load_config(str(CONFIGS / 'vspp_r21d_k100.py'))
    assert backbone_flops(config, (16, 112, 112)) == known['vspp_r21d_k100']['FLOPs']
    assert 'Batch Size' not in known['retrieval_r21d_ucf101']


def test_without_a_result_nothing_is_said(results):
    root = results('', name='.gitkeep')
    (entry,) = zoo_entries(root, VSPP, known_metadata(ROOT))
    assert entry.results == ()
    assert table_text([entry]).splitlines()[-1].endswith(f'| {NOT_MEASURED} |')
    readme = (ROOT / 'configs/README.md').read_text().replace('configs/results/', '')
    measured = [line for line in readme.splitlines() if '](results/' in line]
    assert [line.split(']')[0] for line in measured] == [f'| [{name}' for name in packaged_weights()]


def test_a_result_stands_with_its_protocol(results):
    root = results(dict(result={'acc/top1': 0.4321}, protocol=PROTOCOL))
    (entry,) = zoo_entries(root, VSPP, known_metadata(ROOT))
    row = table_text([entry]).splitlines()[-1]
    assert 'classification: acc/top1 0.4321 ([protocol](results/vspp_r21d_k100--finetune_ucf101.protocol.json))' in row
    shutil.copy2(ROOT / 'configs/README.md', root / 'configs')
    made = yaml.safe_load(zoo_files(root)[VSPP.metafile])
    assert made['Models'][0]['Results'] == [
        dict(
            Dataset='UCF101 split 1',
            Task='classification',
            Metrics={'acc/top1': 0.4321},
            Protocol='configs/results/vspp_r21d_k100--finetune_ucf101.protocol.json',
        )
    ]


@pytest.mark.parametrize(
    ('content', 'says'),
    [
        (dict(result={'acc/top1': 0.4}), 'no result with its protocol'),
        (dict(protocol=PROTOCOL), 'no result with its protocol'),
        ('{', 'no result with its protocol'),
        (dict(result={}, protocol=PROTOCOL), 'does not tell any number'),
        (dict(result=dict(a=1), protocol=PROTOCOL | dict(clip=None)), 'does not tell clip'),
        (dict(result=dict(a=1), protocol=dict(config='x.py')), 'does not tell evaluation, backbone'),
    ],
)
def test_results_without_a_protocol_are_refused(content, says, results):
    with pytest.raises(InputError, match=says):
        read_results(results(content))


def test_results_of_nothing_are_refused(results):
    good = dict(result=dict(a=1), protocol=PROTOCOL)
    with pytest.raises(InputError, match='expected a name such as'):
        read_results(results(good, name='best.json'))
    root = results(good, name='gone--x.protocol.json')
    (root / 'configs' / 'results' / 'best.json').unlink()
    shutil.copy2(ROOT / 'configs/README.md', root / 'configs')
    with pytest.raises(InputError, match='results of gone, which is no config of the zoo'):
        zoo_files(root)


def test_words_and_verdicts_of_a_result_are_no_numbers(results):
    result = {
        'acc/top1': 0.5,
        'acc/protocol': '2 clip(s) a video',
        'vspp/pace_learned': True,
        'vspp/pace_low': 0.4,
        'time': 1.0,
    }
    root = results(dict(result=result, protocol=PROTOCOL))
    (entry,) = zoo_entries(root, VSPP, known_metadata(ROOT))
    assert 'classification: acc/top1 0.5 ([protocol]' in table_text([entry])
    made = yaml.safe_load(metafile_text(VSPP, [entry]))
    assert made['Models'][0]['Results'][0]['Metrics'] == {'acc/top1': 0.5, 'vspp/pace_low': 0.4}


def test_packaged_weights_stand_with_their_digest():
    models = {model['Name']: model for model in BaseInferencer._get_models_from_metafile(str(ROOT))}
    for name, path in packaged_weights().items():
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert models[name]['Weights'] == f'auxskd_mm://{name}-{digest[:8]}.pth'
        assert models[name]['SHA256'] == digest
        assert models[name]['Results']
    assert [name for name, model in models.items() if 'Weights' in model] == list(packaged_weights())


def test_tables_need_a_place():
    text = 'a\n<!-- table:X -->\nold\n<!-- end -->\nb\n'
    assert fill_tables(text, dict(X='new')) == 'a\n<!-- table:X -->\nnew\n<!-- end -->\nb\n'
    with pytest.raises(InputError, match="no place for the table 'Y'"):
        fill_tables(text, dict(Y='new'))
    with pytest.raises(InputError, match='has no configs/README'):
        zoo_files(Path('/no/such/folder'))
