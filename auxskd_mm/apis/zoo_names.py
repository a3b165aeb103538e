"""Names of the model zoo: the config behind a name, and the weights that come with it."""

from __future__ import annotations

from difflib import get_close_matches

from ..checkpoint_files import PACKAGED, packaged_weights
from ..config.load import CONFIG_SUFFIXES
from ..config.loading.shipped import shipped_configs
from ..errors import InputError, examples


def packaged_start(model: str) -> str | None:
    """Return the address of the weights that come with a name such as 'vspp_motion' or 'demo/vspp_motion'.

    None for a name without weights, and for a config file: a file says itself what it starts from.
    """
    name = model.rpartition('/')[2]
    return f'{PACKAGED}{name}' if name in packaged_weights() and _is_name(model) else None


def _is_name(model: str) -> bool:
    return not model.endswith(CONFIG_SUFFIXES) and '::' not in model


def config_name(model: str) -> str:
    """Return the config file for a name of the zoo, such as 'vspp_r21d_k100'. Return anything else as it is.

    In a clone, the configs lie beside the package. In an installed package, they lie under ``.mim``.

    Raises:
        InputError: For a name that no config has.
    """
    if not _is_name(model):
        return model
    names = shipped_configs()
    found = [path for name, path in names.items() if model in (name, path.stem)]
    if found:
        return str(found[0])
    near = get_close_matches(model, names) or ['vspp_r21d_k100']
    raise InputError(
        f'{model}: there is no config {model}.py in the zoo; expected a config file, or a name such as {examples(near)}'
    )
