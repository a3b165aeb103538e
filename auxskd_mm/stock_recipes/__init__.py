"""Recipes of MMAction2 that a pretext task extends: what must change in them before they can be built."""

from .adapt import adapt_recipe

__all__ = ['adapt_recipe']
