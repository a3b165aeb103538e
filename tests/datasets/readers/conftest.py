"""Files that several tests of readers share."""

import pytest
from video_forms import FORMS, write_form


@pytest.fixture(scope='session')
def forms(tmp_path_factory):
    """Path of a file of each form."""
    folder = tmp_path_factory.mktemp('forms')
    return {name: write_form(form, folder / f'{name.replace(" ", "_")}.{form.suffix}') for name, form in FORMS.items()}
