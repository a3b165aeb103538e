"""The Inception I3D of the Kinetics port, and PECoP's with adapters, under the names of ``I3DInception``.

The port's layers have the same names as ours. PECoP puts ``model.`` in front of them and adds an adapter to each block.
"""

from __future__ import annotations

from .naming import Naming, substitutions

# Start of the names of the first convolution.
STEM = 'conv3d_1a_7x7.'
# The classifier over the classes of Kinetics. PECoP keeps it in its file and never calls it.
CLASSIFIER = 'conv3d_0c_1x1.'

_NETWORK = (r'conv3d_1a_7x7\.conv3d\.weight$', r'mixed_3b\.branch_0\.conv3d\.weight$')

# Names of PECoP's adapters as those of ``ConvAdapter``. Other names do not change.
ADAPTERS_TO_OURS = (
    (r'^(mixed_\w+)\.tuning_module\.se$', r'adapters.\1.scale'),
    (r'^(mixed_\w+)\.tuning_module\.conv1\.(weight|bias)$', r'adapters.\1.down.\2'),
    (r'^(mixed_\w+)\.tuning_module\.conv2\.(weight|bias)$', r'adapters.\1.up.\2'),
)

NAMINGS = (
    Naming(
        "PECoP's I3D with adapters",
        (*_NETWORK, r'mixed_\w+\.tuning_module\.'),
        "dict(type='auxskd_mm.AdaptedBackbone', backbone=dict(type='auxskd_mm.I3DInception'), "
        "adapters=dict(patterns='mixed_*', type='auxskd_mm.ConvAdapter'))",
        (substitutions(ADAPTERS_TO_OURS),),
    ),
    Naming(
        "I3D of the Kinetics port (hassony2's names)",
        _NETWORK,
        "dict(type='auxskd_mm.I3DInception')",
    ),
)
