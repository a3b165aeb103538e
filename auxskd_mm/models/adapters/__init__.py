"""Adapters: small trained modules behind the modules of a frozen network."""

from .adapted_backbone import adapted_backbone, freeze_base
from .add_adapters import AdapterBank, add_adapters
from .kinds import Adapter, ConvAdapter, MLPAdapter, TemporalAdapter

__all__ = [
    'Adapter',
    'AdapterBank',
    'ConvAdapter',
    'MLPAdapter',
    'TemporalAdapter',
    'adapted_backbone',
    'add_adapters',
    'freeze_base',
]
