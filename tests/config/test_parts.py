"""Parts of a config."""

import pytest

from auxskd_mm.choices import WEIGHTS_PACKAGE
from auxskd_mm.config.explain_training import pretrained_parts
from auxskd_mm.config.parts import weights_package
from auxskd_mm.launch.trunk_weights import _is_here
from auxskd_mm.models.backbones import PackagedWeights
from auxskd_mm.registry import WEIGHT_INITIALIZERS


@WEIGHT_INITIALIZERS.register_module()
class OutsidePackage(PackagedWeights):
    """A variant of the package's."""


@WEIGHT_INITIALIZERS.register_module()
class OtherPackage(PackagedWeights):
    def __init__(self, package='other-model'):
        super().__init__(package)


@pytest.mark.parametrize(
    ('init', 'package'),
    [
        (dict(type='auxskd_mm.PackagedWeights'), WEIGHTS_PACKAGE),
        (dict(type=PackagedWeights, package='x'), 'x'),
        (dict(type='auxskd_mm.OutsidePackage', package='x'), 'x'),
        (dict(type='OtherPackage'), 'other-model'),
        (dict(type='Pretrained', checkpoint='x'), None),
        (dict(type='Constant', val=1.0), None),
        ({}, None),
        (None, None),
    ],
)
def test_weights_of_a_package_are_told_from_others(init, package):
    assert weights_package(init) == package
    found = [address for _, address in pretrained_parts(dict(init_cfg=init), 'model')]
    assert [address for address in found if address.startswith('package')] == (
        [f'package {package}'] if package else []
    )
    assert _is_here(init) == (package is not None)
