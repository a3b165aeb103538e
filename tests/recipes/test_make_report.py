"""A recipe with rows and columns to its report; trainings and tests are played by a stand-in, so that every number is known."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from conftest import write_video

from auxskd_mm.errors import InputError
from auxskd_mm.evaluation import FeatureBank
from auxskd_mm.recipes import commands
from auxskd_mm.recipes import write_report as report_module
from auxskd_mm.recipes.run_recipe import run_recipe
from auxskd_mm.visualization.retrieval_examples import choose_queries

HOSTILE = '<script>alert(1)</script>\n$x_1$ "quoted" & |.mp4'
TEMPLATE = Path(report_module.__file__).with_name('report.html.j2')
PROBE = """
still = False
used = (still,)
test_evaluator = [dict(type='auxskd_mm.LinearProbeMetric'), dict(type='auxskd_mm.KNNMetric')]
"""
FINETUNE = """
train_cfg = dict(max_epochs=1)
num_classes, lists, still = 5, 'lists', False
used = (num_classes, lists, still)
test_evaluator = dict(type='auxskd_mm.MultiClipAccuracy')
"""
RECIPE = """
phases = [dict(name='aux', config='aux.py', options={'source': '{lists}/pool.txt'})]
inits = [
    dict(name='scratch', title='from <i>scratch</i>'),
    dict(name='aux_init', title='auxSKD', init_from='aux'),
    dict(name='still', title='still', options={'still': True}),
]
evaluations = [
    dict(
        name='tuned',
        config='finetune.py',
        columns={'fine-tuned': 'acc/top1'},
        options={'lists': '{lists}', 'num_classes': '{num_classes}'},
    ),
    dict(name='probe', config='probe.py', columns={'linear': 'linear/top1', 'R@1': 'retrieval/R@1'}),
]
seeds = [0, 1]
report = dict(title='T & <b>')
"""


class Player:
    """Plays the tools: accuracies are 0.1 x the number of the test so far."""

    def __init__(self, videos):
        self.calls, self.tests, self.videos = [], 0, videos

    def __call__(self, label, command, options):
        self.calls.append((label, list(command), dict(options)))
        folder = Path(command[command.index('--work-dir') + 1])
        folder.mkdir(parents=True, exist_ok=True)
        if Path(command[1]).name == 'train.py':
            (folder / 'epoch_1.pth').touch()
            (folder / 'last_checkpoint').write_text(str(folder / 'epoch_1.pth'))
            log = folder / '1' / 'vis_data' / 'scalars.json'
            log.parent.mkdir(parents=True)
            log.write_text(''.join(f'{{"loss": {3 - i}, "top1_acc": 0.5, "step": {i}}}\n' for i in range(3)))
            return 10.0
        self.tests += 1
        value = self.tests / 10
        if 'test_evaluator.0.save_to' in options:
            self.features(Path(options['test_evaluator.0.save_to']))
            result = {'linear/top1': value, 'retrieval/R@1': value / 2, 'linear/settings': 'text'}
        else:
            result = {'acc/top1': value}
            (folder / 'predictions.json').write_text(
                json.dumps(dict(names=['a', 'b', 'c'], labels=[0, 1, 1], predictions=[0, 0, 1]))
            )
        content = dict(result=result, protocol=dict(seed=value, method=HOSTILE, clip=dict(frames=16), trained=None))
        (folder / '1').mkdir(exist_ok=True)
        (folder / '1' / '1.protocol.json').write_text(json.dumps(content))
        return 5.0

    def features(self, folder):
        random = np.random.default_rng(0)
        gallery = FeatureBank(random.random((6, 4), np.float32), np.array([0, 1] * 3), [self.videos[0]] * 6)
        query = FeatureBank(random.random((4, 4), np.float32), np.array([0, 1, 1, 1]), [self.videos[1]] * 4)
        gallery.save(folder / 'gallery.npz')
        query.save(folder / 'query.npz')


@pytest.fixture
def player(monkeypatch, tmp_path):
    (tmp_path / 'own').mkdir()
    # The separator is all that a file name cannot hold.
    hostile = tmp_path / 'own' / HOSTILE.replace('/', '')
    videos = [write_video(tmp_path / 'own' / 'plain.mp4', num_frames=4), write_video(hostile, num_frames=4)]
    stand_in = Player(videos)
    monkeypatch.setattr(commands, 'call', stand_in)
    return stand_in


@pytest.fixture
def recipe(tmp_path):
    for name, text in (('aux', 'source = 1\n'), ('probe', PROBE), ('finetune', FINETUNE)):
        (tmp_path / f'{name}.py').write_text(text)
    for split in ('a', 'b'):
        (tmp_path / split).mkdir()
        (tmp_path / split / 'classes.txt').write_text('walk $fast$\n<run>\n')
    (tmp_path / 'recipe.py').write_text(RECIPE)
    return tmp_path / 'recipe.py'


def test_numbers_and_commands(recipe, tmp_path, player):
    out = run_recipe(recipe, tmp_path / 'out', lists=[str(tmp_path / 'a')])
    assert out['report'] == str(tmp_path / 'out/report/report.html')
    # Order of the tests: run by run, evaluation by evaluation, row by row.
    results = json.loads((tmp_path / 'out/report/results.json').read_text())
    cells = {(n['row'], n['column']): n['cell'] for n in results['numbers']}
    assert cells['auxSKD', 'fine-tuned']['values'] == [0.2, 0.8]
    assert cells['auxSKD', 'fine-tuned']['mean'] == pytest.approx(0.5)
    assert cells['auxSKD', 'fine-tuned']['spread'] == pytest.approx(0.6 / 2**0.5)
    assert cells['still', 'R@1']['values'] == [0.3, 0.6]
    assert cells['still', 'R@1']['n'] == 2
    chance = {n['column']: n['chance'] for n in results['numbers']}
    # Commonest of the labels 0 1 1; of 0 1 1 1; half of the gallery is of either class.
    assert chance == pytest.approx({'fine-tuned': 2 / 3, 'linear': 3 / 4, 'R@1': 1 / 2})
    first = [call for call in player.calls if call[0].startswith('split0_seed0')]
    tuned = next(call for call in first if call[0].endswith('tuned from aux_init'))
    assert tuned[2] == {
        'lists': str(tmp_path / 'a'),
        'num_classes': 2,
        'load_from': str(tmp_path / 'out/split0_seed0/aux/epoch_1.pth'),
    }
    assert first[0][2] == {'source': f'{tmp_path / "a"}/pool.txt'}
    probes = {call[0].rsplit(' ', 1)[-1]: call for call in first if 'probe' in call[0]}
    assert probes['scratch'][1][3] == 'none'
    assert probes['scratch'][2]['randomness.seed'] == 0
    assert probes['still'][2]['still'] is True
    assert probes['aux_init'][1][3] == str(tmp_path / 'out/split0_seed0/aux/epoch_1.pth')
    assert 'randomness.seed' not in probes['aux_init'][2]


def test_several_splits_come_into_one_report_and_nothing_is_run_twice(recipe, tmp_path, player):
    lists = [str(tmp_path / 'a'), str(tmp_path / 'b')]
    run_recipe(recipe, tmp_path / 'out', lists=lists, seeds=[3])
    steps = len(player.calls)
    again = run_recipe(recipe, tmp_path / 'out', lists=lists, seeds=[3])
    assert len(player.calls) == steps
    results = json.loads(Path(again['report']).with_name('results.json').read_text())
    assert results['runs'] == 2
    assert {len(n['protocols']) for n in results['numbers']} == {2}


def test_whatever_comes_from_outside_is_inert(recipe, tmp_path, player):
    html = Path(run_recipe(recipe, tmp_path / 'out', lists=[str(tmp_path / 'a')])['report']).read_text()
    assert '<script' not in html
    assert '&lt;script&gt;alert(1)&lt;/script&gt; $x_1$' in html  # the method of the protocols, on one line
    assert '<script>alert(1)<script>'.replace('<', '&lt;').replace('>', '&gt;') in html  # the query's file name
    assert '<i>' not in html
    assert '<title>T &amp; &lt;b&gt;</title>' in html
    tags = set(re.findall(r'<\s*([a-z0-9]+)', html))
    known = set(re.findall(r'<([a-z0-9]+)', TEMPLATE.read_text()))
    assert tags <= known
    # Whole in one file: nothing is fetched, and nothing would be allowed to be.
    assert {source.split(',')[0] for source in re.findall(r'src="([^"]+)"', html)} == {'data:image/png;base64'}
    assert "default-src 'none'" in html
    markdown = (tmp_path / 'out/report/report.md').read_text()
    assert '<script' not in markdown
    assert '| from &lt;i&gt;scratch&lt;/i&gt; |' in markdown
    tables = [block.splitlines() for block in markdown.split('\n\n') if block.startswith('|')]
    assert len(tables) == 3
    for table in tables:  # a bar in a name adds no column
        assert len({len(re.findall(r'(?<!\\)\|', row)) for row in table}) == 1


def test_pictures(recipe, tmp_path, player):
    folder = Path(run_recipe(recipe, tmp_path / 'out', lists=[str(tmp_path / 'a')])['report']).parent
    expected = {'confusion_tuned', 'retrieval_scratch', 'retrieval_aux_init', 'retrieval_still', 'embedding'}
    assert {path.stem for path in folder.glob('*.png')} == expected | {'curves_aux', 'curves_tuned'}


@pytest.mark.parametrize(
    ('change', 'says'),
    [
        (("'acc/top1'", "'acc/top2'"), r"no metric 'acc/top2' for the column 'fine-tuned'; there are acc/top1"),
        (("init_from='aux'", "init_from='b'"), r"init 'aux_init': init_from='b' is not a phase \(\['aux'\]\)"),
        (("name='still', title", "name='scratch', title"), 'two inits have the same name'),
        (("name='tuned'", "name='aux'"), 'two evaluations or phases have the same name'),
        (("config='probe.py'", "config='aux.py'"), 'has no test_evaluator'),
        (("init_from='aux'", "init_from='aux', checkpoint='x.pth'"), 'give init_from or checkpoint, not both'),
        (('inits = [', 'others = ['), 'inits or evaluations without the other'),
    ],
)
def test_bad_recipes_are_one_line(recipe, tmp_path, player, change, says):
    recipe.write_text(RECIPE.replace(*change))
    with pytest.raises(InputError, match=says) as error:
        run_recipe(recipe, tmp_path / 'out', lists=[str(tmp_path / 'a')])
    assert '\n' not in str(error.value)


def test_lists_that_are_not_there_are_named(recipe, tmp_path, player):
    with pytest.raises(InputError, match=r'none/classes\.txt: no such file; make the lists with'):
        run_recipe(recipe, tmp_path / 'out', lists=[str(tmp_path / 'none')])
    with pytest.raises(InputError, match='expected different ones'):
        run_recipe(recipe, tmp_path / 'out', lists=['a', 'a'])


def test_queries_are_not_picked_by_their_result():
    labels = [4, 0, 0, 1, 2, 3, 4]
    assert choose_queries(labels, 5) == [1, 3, 4, 5, 0]
    assert choose_queries(labels, 2) == [1, 4]
    assert choose_queries(labels, 9) == [1, 3, 4, 5, 0]
