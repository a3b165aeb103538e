"""Recipes of MMAction2 that a pretext task extends: what must change in them before they can be built."""

from .adapt import adapt_stock_config

__all__ = ['adapt_stock_config']
