"""The examples in the docstrings of losses, heads, modules and samplers: they run, and none is missing."""

import doctest
import importlib
import inspect
import pkgutil

import numpy as np
import pytest
import torch

from auxskd_mm.datasets import transforms
from auxskd_mm.models import heads, losses

PACKAGES = ('auxskd_mm.models.losses', 'auxskd_mm.models.heads', 'auxskd_mm.models.modules')
MODULES = [
    *(f'{p}.{m.name}' for p in PACKAGES for m in pkgutil.iter_modules(importlib.import_module(p).__path__)),
    *(f'{transforms.__name__}.{m.name}' for m in pkgutil.iter_modules(transforms.__path__) if 'sampling' in m.name),
]


@pytest.mark.parametrize('name', MODULES)
def test_examples_give_what_they_say(name):
    torch.manual_seed(0)
    np.random.seed(0)
    found = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert found.failed == 0


def documented():
    """Every public loss, head and sampler, by class."""
    for package, base in ((losses, torch.nn.Module), (heads, torch.nn.Module), (transforms, transforms.PretextSampler)):
        for name in package.__all__:
            member = getattr(package, name)
            if inspect.isclass(member) and issubclass(member, base) and member is not transforms.PretextSampler:
                yield member


def test_each_loss_head_and_sampler_has_an_example():
    classes = list(documented())
    assert {'SimilarityDistillationLoss', 'VSPPHead', 'SegmentPaceSample'} <= {one.__name__ for one in classes}
    assert [one.__name__ for one in classes if '    >>> ' not in (one.__doc__ or '')] == []
