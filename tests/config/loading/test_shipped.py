"""A config that is not there: the error names those that may have been meant."""

from __future__ import annotations

from pathlib import Path

import pytest

from auxskd_mm.config.load import load_config
from auxskd_mm.config.loading import shipped
from auxskd_mm.config.loading.shipped import missing_config, shipped_configs, shipped_file
from auxskd_mm.config.origins import config_chain
from auxskd_mm.errors import InputError
from auxskd_mm.recipes.plan import plan_recipe


@pytest.mark.parametrize(
    ('asked', 'near'),
    [
        ('vspp_r21d_k10', 'did you mean auxskd_mm::vspp_r21d_k100.py'),
        ('configs/vspp_slowonly_mmaction.py', 'did you mean auxskd_mm::examples/vspp_slowonly_mmaction.py'),
        ('auxskd_mm::vspp_r21d_k10.py', 'did you mean auxskd_mm::vspp_r21d_k100.py'),
    ],
)
@pytest.mark.parametrize('read', [load_config, config_chain])
def test_a_misspelt_config_gets_the_nearest_names(asked, near, read, tmp_path, monkeypatch):
    if read is config_chain and '::' in asked:
        pytest.skip('check_config loads the config first')
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as error:
        read(asked)
    text = str(error.value)
    assert text.startswith(f'{asked}: no such config file; ')
    assert near in text


def test_the_nearest_names_are_paths_where_the_folder_is_at_hand(tmp_path, monkeypatch):
    (tmp_path / 'configs').mkdir()
    monkeypatch.chdir(tmp_path)
    assert 'did you mean configs/demo/vspp_motion.py' in str(missing_config('vspp_motoin.py'))


def test_a_misspelt_recipe_gets_recipes_only():
    with pytest.raises(InputError, match=r'warm_strt: no such recipe; did you mean .*recipes/warm_start\.py') as error:
        plan_recipe(Path('warm_strt'), None, {})
    assert 'trunk_warm_start' not in str(error.value)


@pytest.mark.parametrize('asked', ['nothing_like_it_at_all.py', 'mmaction::vspp_r21d_k100.py'])
def test_no_name_is_offered_that_is_far_or_of_another_package(asked):
    assert 'did you mean' not in str(missing_config(asked))


def test_every_name_is_a_file_and_a_missing_one_is_one_line():
    assert shipped_file('configs/vspp_r21d_k100.py').is_file()
    assert shipped_file('tools/train.py').is_file()
    assert shipped_configs()['demo/vspp_motion'].samefile(shipped_file('configs/demo/vspp_motion.py'))
    with pytest.raises(InputError, match=r'tools/no\.py is missing beside the package'):
        shipped_file('tools/no.py')


def test_an_editable_install_names_the_files_of_the_checkout(tmp_path, monkeypatch):
    # Its .mim holds links. Printed commands and the records of recipes must not depend on whether it is there.
    package = tmp_path / 'auxskd_mm'
    (package / '.mim').mkdir(parents=True)
    (tmp_path / 'tools').mkdir()
    (tmp_path / 'tools' / 'train.py').touch()
    monkeypatch.setattr(shipped, '_PACKAGE', package)
    before = shipped_file('tools/train.py')
    (package / '.mim' / 'tools').symlink_to('../../tools')
    assert shipped_file('tools/train.py') == before == tmp_path / 'tools' / 'train.py'
