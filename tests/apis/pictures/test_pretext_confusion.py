"""Labels and predictions of a model, a dump and a JSON, compared with each other and with hand counts."""

import json
import pickle

import numpy as np
import pytest
import torch
from tool_runs import CONFIGS, TINY_TEST, call_tool, tiny_clips

from auxskd_mm.apis import init_model, load_config
from auxskd_mm.apis.pictures import pretext_confusion
from auxskd_mm.apis.pictures.pretext_confusion import ask_model, collect, draw_pretext_confusion, read_answers
from auxskd_mm.errors import InputError

TOOL = 'visualization/pace_confusion.py'


@pytest.fixture(scope='module')
def clips(tmp_path_factory):
    return tiny_clips(tmp_path_factory.mktemp('clips') / 'set')


def options(clips):
    return {**TINY_TEST, 'test_dataloader.dataset.source': str(clips / 'test')}


@pytest.mark.parametrize(('name', 'tasks'), [('vspp', {'pace', 'segment'}), ('vcop', {'order'}), ('rspnet', {'speed'})])
def test_model_and_dump_say_the_same(name, tasks, clips, tmp_path, monkeypatch, capfd):
    path, settings = CONFIGS / f'demo/{name}_motion.py', options(clips)
    model = init_model(load_config(str(path), dict(settings)), None, 'cpu', seed=0)
    torch.save(dict(state_dict=model.state_dict()), tmp_path / 'w.pth')
    asked = ask_model(model, num_workers=0)
    assert set(asked) == tasks
    dump = tmp_path / 'dump.json'
    words = [path, tmp_path / 'w.pth', '--dump', dump, '--work-dir', tmp_path / 'run']
    ended = call_tool(monkeypatch, capfd, 'test.py', *words, options=settings)
    assert ended.code == 0, ended.err
    read = read_answers(dump)
    for task in tasks:
        np.testing.assert_array_equal(np.concatenate(read[task]), np.concatenate(asked[task]))
    ended = call_tool(monkeypatch, capfd, TOOL, path, '--dump', dump, '--out', tmp_path / 'c.png')
    assert ended.code == 0, ended.err
    assert (tmp_path / 'c.png').read_bytes()[:4] == b'\x89PNG'


def sample(pace, segment, guess, **more):
    return dict(
        pace_label=np.array([pace]), segment_label=np.array([segment]),
        pred_pace=torch.eye(4)[[guess]], pred_segment=torch.eye(4)[[segment]], **more,
    )  # fmt: skip


def test_matrices_by_hand(tmp_path, monkeypatch):
    """Paces are named as the sampler has them; segments are counted where something is sped up."""
    answers = collect([sample(0, 1, 0), sample(2, 3, 3), sample(2, 0, 2), sample(1, 1, 1, replacement=True)])
    drawn = []
    monkeypatch.setattr(pretext_confusion, 'draw_confusion', lambda *args: drawn.append(args))
    draw_pretext_confusion(answers, load_config(str(CONFIGS / 'demo/vspp_motion.py')), tmp_path / 'x.png')
    tables, names, _, chance = drawn[0]
    assert names['pace (n = 3)'] == ['1x', '2x', '4x', '8x']
    assert tables['pace (n = 3)'].tolist() == [[1, 0, 0, 0], [0] * 4, [0, 0, 1, 1], [0] * 4]
    assert tables['segment of sped-up clips (n = 2)'].tolist() == np.diag([1, 0, 0, 1]).tolist()
    assert chance == {'pace (n = 3)': pytest.approx(2 / 3), 'segment of sped-up clips (n = 2)': 0.5}


def test_json_of_predict(tmp_path):
    one = dict(best='2x', probabilities={'1x': 0.2, '2x': 0.8}, truth=['1x'])
    several = dict(one, truth=['1x', '2x'])
    path = tmp_path / 'a.json'
    path.write_text(json.dumps(dict(predictions=[dict(filename='a', pace=one), dict(filename='b', pace=several)])))
    assert np.concatenate(read_answers(path)['pace']).tolist() == [[0, 1]]


class Harm:
    def __reduce__(self):
        return (open, ('harm', 'w'))


@pytest.mark.parametrize(
    ('name', 'content', 'says'),
    [
        ('a.pkl', pickle.dumps([Harm()]), 'a.pkl: a pickle, which is not opened because it can run code'),
        ('a.json', pickle.dumps([Harm()], protocol=2), 'a.json: a pickle, which is not opened'),
        ('a.pkl', pickle.dumps([Harm()], protocol=0), 'not predictions as tools/test.py'),
        ('a.pkl', b'nonsense', 'not predictions as tools/test.py'),
        ('a.json', b'{"predictions": [{"x": 1}]}', 'no labels with predictions'),
        ('a.json', b'{"predictions": [1]}', 'not predictions as tools/test.py'),
        ('a.json', b'{"predictions": ' + b'[' * 200_000, 'not predictions as tools/test.py'),
        ('a.json', b'\xff', 'not predictions as tools/test.py'),
        ('a.json', b'{"predictions": [{"pace_label": [1], "pred_pace": "x"}]}', 'do not fit each other'),
        ('a.json', b'{"predictions": [{"pace_label": [1, 2], "pred_pace": [[0, 1]]}]}', 'do not fit each other'),
        ('a.json', b'{"predictions": [{"pace": {"truth": ["1x"], "best": 1}}]}', 'do not fit each other'),
    ],
)
def test_other_files_are_refused_and_nothing_in_them_is_called(name, content, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=says):
        read_answers(tmp_path / name)
    assert not (tmp_path / 'harm').exists()


@pytest.mark.parametrize(
    ('words', 'says'),
    [
        (['vspp'], 'give either a checkpoint or --dump'),
        (['vspp', 'gone.pth'], 'gone.pth: no such checkpoint file'),
        (['vspp', '--dump', 'gone.json'], 'gone.json: no such file; write one with tools/test.py'),
        (['vspp', 'none', '--out', '/proc/x/a.png'], '/proc/x/a.png: cannot be written'),
        (['auxskd', 'none'], 'data/motion_clips/test: no such file or folder'),
    ],
)
def test_bad_input_is_one_line(words, says, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert says in call_tool(monkeypatch, capfd, TOOL, CONFIGS / f'demo/{words[0]}_motion.py', *words[1:]).error_line()
