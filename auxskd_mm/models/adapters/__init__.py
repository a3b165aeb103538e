"""Adapters: small trained modules behind the modules of a frozen network."""

from .add_adapters import AdapterBank, add_adapters
from .kinds import Adapter, ConvAdapter, MLPAdapter, TemporalAdapter

__all__ = ['Adapter', 'AdapterBank', 'ConvAdapter', 'MLPAdapter', 'TemporalAdapter', 'add_adapters']
