"""Changes that MMAction2's configs need before a pretext task can use them."""

from .adapt import adapt_stock_config

__all__ = ['adapt_stock_config']
