"""One self-contained checkpoint of a base and its adapters."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..checkpoint_files import read_checkpoint, read_state
from ..choices import ADAPTER_FOLDS
from ..errors import InputError
from ..files import check_writable, write_whole
from ..functional.adapter_state import BASE_DIGEST
from ..functional.transfer import TRAINING_PARTS, load_checked
from ..models.adapters import AdapterBank
from ..models.adapters.fold import fold_into_layers, fold_scales
from ..models.start_weights import start_weights
from ..random_state import untouched_random_state
from ..registry import MODELS
from ..version import __version__
from .weights_file import weights_content


def merge_adapters(
    model: dict[str, Any],
    adapters: str | Path,
    target: str | Path,
    base: str | Path | None = None,
    fold: str | None = None,
) -> Path:
    """Write base and adapters into one checkpoint, which any phase and ``tools/test.py`` load.

    Args:
        model: Config of the model that was trained, with its ``auxskd_mm.AdaptedBackbone``.
        adapters: Checkpoint that :class:`AdapterHook` wrote.
        target: File to write.
        base: Checkpoint of the base. None takes the weights that the config's ``init_cfg`` loads.
        fold: None keeps the adapters as they are. 'scale' folds their scales into their last layers; the config then
            has ``scale=False``. 'layers' folds linear adapters into the layers before them; the config is then the base
            alone.

    Returns:
        The target.

    Raises:
        InputError: If a file is not what it should be, the base is another one, or an adapter cannot be folded.
    """
    if fold is not None and fold not in ADAPTER_FOLDS:
        raise InputError(f"fold='{fold}': expected one of {', '.join(map(repr, ADAPTER_FOLDS))}")
    target = check_writable(target, [adapters, *([base] if base else [])])
    state = read_state(adapters)
    if BASE_DIGEST not in state:
        raise InputError(f'{adapters}: not a checkpoint of adapters alone; AdapterHook writes adapters.pth')
    with untouched_random_state():
        network = MODELS.build(model)
        start_weights(network)
    if base is not None:
        load_checked(network, read_checkpoint(base), ('backbone.',), str(base))
    load_checked(network, state, ('backbone.',), str(adapters))
    for owner in [m for _, m in network.named_modules() if isinstance(getattr(m, 'adapters', None), AdapterBank)]:
        if fold is not None:
            (fold_scales if fold == 'scale' else fold_into_layers)(owner)
    merged = {k: v.detach().clone() for k, v in network.state_dict().items() if not k.startswith(TRAINING_PARTS)}
    content = read_checkpoint(adapters)
    meta = dict(content['meta']) if isinstance(content.get('meta'), Mapping) else {}
    meta.update(auxskd_mm_version=__version__, merged=dict(fold=fold or 'none'))
    return write_whole(target, weights_content(merged, meta, str(target)))
