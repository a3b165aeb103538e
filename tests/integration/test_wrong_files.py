"""Files of another kind than a tool asks for: one line each."""

import pytest
from tool_runs import CONFIGS, call_tool

CASES = {
    'a recipe is trained': (
        ('train.py', CONFIGS / 'recipes/demo_motion.py'),
        'has no model and no train_dataloader to train with; a recipe is run by tools/run_recipe.py',
    ),
    'a test is trained': (
        ('train.py', CONFIGS / 'downstream/retrieval_r21d_ucf101.py'),
        'has no train_dataloader to train with',
    ),
    'an empty config is trained': (('train.py', 'empty.py'), 'empty.py: has no model and no train_dataloader'),
    'adapters of an empty config': (
        ('model_converters/merge_adapters.py', 'empty.py', 'empty.pth', 'out.pth'),
        'the config has no model',
    ),
    'a recipe of another kind': (('run_recipe.py', 'recipe.txt'), 'recipe.txt: not a config; expected a .py, .yml or'),
    'a recipe that fails': (('run_recipe.py', 'fails.py'), r"NameError: name 'missing' is not defined in line 1 of"),
    'a recipe that is not Python': (('run_recipe.py', 'broken.py'), 'broken.py: line 1 is not Python'),
    'empty features': (
        ('evaluate_features.py', 'empty.npz', 'empty.npz'),
        'empty.npz: not a feature file of this package; tools/extract_features.py writes them',
    ),
}


@pytest.mark.parametrize('case', CASES)
def test_one_line(case, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    for name in ('empty.py', 'empty.pth', 'empty.npz', 'recipe.txt'):
        (tmp_path / name).touch()
    (tmp_path / 'fails.py').write_text('phases = missing\n')
    (tmp_path / 'broken.py').write_text('phases = [\n')
    words, says = CASES[case]
    assert says in call_tool(monkeypatch, capfd, *words).error_line()
