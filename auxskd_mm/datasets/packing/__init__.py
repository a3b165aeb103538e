"""Writing training stores; :mod:`auxskd_mm.datasets.stores` reads them."""

from .pack import pack_videos

__all__ = ['pack_videos']
