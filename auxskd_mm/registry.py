"""Registries of auxskd_mm, each a child of MMAction2's registry of the same kind.

The parent is MMAction2's registry and not MMEngine's root. So a nested MMAction2 type, such as ``ResNet3d`` inside our
``AuxSKD``, also resolves inside our components.
"""

from collections.abc import Mapping
from typing import Any

from mmaction import registry as _mmaction
from mmengine.config import Config
from mmengine.registry import FUNCTIONS as _MMENGINE_FUNCTIONS
from mmengine.registry import MODEL_WRAPPERS as _MMENGINE_MODEL_WRAPPERS
from mmengine.registry import OPTIM_WRAPPER_CONSTRUCTORS as _MMENGINE_CONSTRUCTORS
from mmengine.registry import DefaultScope, Registry, init_default_scope

_SCOPE = 'auxskd_mm'


def _child(name: str, parent: Registry, location: str) -> Registry:
    registry = Registry(name, parent=parent, scope=_SCOPE, locations=[f'{_SCOPE}.{location}'])
    # MMEngine's root looks up ``auxskd_mm.X`` among its own children alone, unless a default scope is set.
    parent.root.children[_SCOPE] = registry
    return registry


MODELS = _child('model', _mmaction.MODELS, 'models')
WEIGHT_INITIALIZERS = _child('weight initializer', _mmaction.WEIGHT_INITIALIZERS, 'models')
TRANSFORMS = _child('transform', _mmaction.TRANSFORMS, 'datasets')
DATASETS = _child('dataset', _mmaction.DATASETS, 'datasets')
HOOKS = _child('hook', _mmaction.HOOKS, 'hooks')
METRICS = _child('metric', _mmaction.METRICS, 'evaluation')
INFERENCERS = _child('inferencer', _mmaction.INFERENCERS, 'apis')
LOOPS = _child('loop', _mmaction.LOOPS, 'loops')
LOG_PROCESSORS = _child('log_processor', _mmaction.LOG_PROCESSORS, 'loops')
DATA_SAMPLERS = _child('data sampler', _mmaction.DATA_SAMPLERS, 'datasets')
# MMEngine's Runner asks its own registry, which looks no deeper than its children; wrappers hold no nested types.
MODEL_WRAPPERS = _child('model_wrapper', _MMENGINE_MODEL_WRAPPERS, 'models')
OPTIM_WRAPPER_CONSTRUCTORS = _child('optimizer wrapper constructor', _MMENGINE_CONSTRUCTORS, 'models')
# Nothing of ours is in these, but a config that has one of ours as its base asks for MMAction2's types in our scope.
VISUALIZERS = _child('visualizer', _mmaction.VISUALIZERS, 'visualization')
VISBACKENDS = _child('vis_backend', _mmaction.VISBACKENDS, 'visualization')
OPTIM_WRAPPERS = _child('optim_wrapper', _mmaction.OPTIM_WRAPPERS, 'models')
OPTIMIZERS = _child('optimizer', _mmaction.OPTIMIZERS, 'models')
PARAM_SCHEDULERS = _child('parameter scheduler', _mmaction.PARAM_SCHEDULERS, 'models')
EVALUATORS = _child('evaluator', _mmaction.EVALUATOR, 'evaluation')
TASK_UTILS = _child('task util', _mmaction.TASK_UTILS, 'models')
# MMEngine's inferencer looks for its collate function here in our scope, and warns where there is no such registry.
FUNCTIONS = _child('function', _MMENGINE_FUNCTIONS, 'datasets')

# A config of ours names MMAction2's types by their bare names. A Runner sets the scope that its config names; a prompt
# sets none, and ``MODELS.build(cfg.model)`` would not find them. A scope that somebody has set stays.
if DefaultScope.get_current_instance() is None:
    init_default_scope('mmaction')


def use_scope(config: Config | Mapping[str, Any]) -> None:
    """Make the scope of a config that of the next builds: ``default_scope``, or else MMAction2's."""
    init_default_scope(config.get('default_scope', 'mmaction'))


def registered(registry: Registry, kind: object) -> type | None:
    """Return the class of a type in a config, by its bare name (:func:`type_name`). No module is imported for it: the
    config may come out of a checkpoint.

    Args:
        registry: Registry of its kind, such as ``METRICS``. Its parents are asked, too.
        kind: The value of a ``type`` key.

    Returns:
        The class. None if nothing of this name is registered, or it is no class.
    """
    found, name = kind if isinstance(kind, type) else None, type_name(kind)
    asked: Registry | None = registry
    while found is None and asked is not None:
        found, asked = asked.module_dict.get(name), asked.parent
    return found if isinstance(found, type) else None


def is_a(registry: Registry, kind: object, *names: str) -> bool:
    """Whether a type in a config has one of these bare names, or extends a class that has one.

    Args:
        registry: Registry of its kind, see :func:`registered`. A type that nothing registers goes by its own name.
        kind: The value of a ``type`` key.
        names: Such as ``'UnlabeledVideoDataset'``.
    """
    found = registered(registry, kind)
    return any(type_name(one) in names for one in (found.__mro__ if found else (kind,)))


def type_name(kind: object) -> str:
    """Return the bare name of a type in a config: a class, ``'VSPPHead'``, ``'auxskd_mm.VSPPHead'`` or a lazy import.

    Args:
        kind: The value of a ``type`` key. MMEngine's new-style configs (``read_base()``) hold classes, or lazy objects
            until the config is built.

    Returns:
        Name without scope or module; ``''`` for None.
    """
    if kind is None:
        return ''
    name = kind.__name__ if isinstance(kind, type) else str(kind)  # a lazy object's text is its name
    return name.replace('::', '.').rsplit('.', 1)[-1]
