"""Public weights as a checkpoint for the model of a config."""

from __future__ import annotations

from pathlib import Path

from mmengine.config import Config

from ..checkpoint_files import read_checkpoint
from ..errors import InputError
from ..files import write_whole
from ..functional.public_weights.left_over import removed_tensors
from ..functional.transfer import plan_transfer
from ..registry import MODELS, use_scope
from .weights_file import weights_content


def convert_public(source: str | Path, target: str | Path, config: Config, prefix: str | None = None) -> str:
    """Write the backbone of a public checkpoint under the names of a config's model.

    A run does this itself with ``load_from``. A file is wanted to publish the weights, or for code without this package.

    Args:
        source: Checkpoint of any naming in :mod:`auxskd_mm.functional.public_weights`, ``.pth`` or ``.safetensors``.
        target: File to write, ``dict(state_dict=..., meta=...)``. It is written whole or not at all.
        config: Config with a ``model`` that has a ``backbone``.
        prefix: Prefix of the network in the file. None looks for it.

    Returns:
        Line that says what came over.

    Raises:
        InputError: If the file does not fit the backbone, or the config has none. See :func:`plan_transfer`.
    """
    if config.get('model') is None or not config.model.get('backbone'):
        raise InputError('the config has no model with a backbone')
    use_scope(config)
    model = MODELS.build(config.model)
    own, removed = model.state_dict(), removed_tensors(model)
    state, message = plan_transfer(own, read_checkpoint(source), ('backbone.',), str(source), prefix, removed)
    backbone = {key: value.contiguous() for key, value in state.items() if key.startswith('backbone.') and key in own}
    write_whole(target, weights_content(backbone, dict(source=Path(source).name), str(target)))
    return message
