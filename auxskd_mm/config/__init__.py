"""Functions that load configs, find settings in them and explain them."""
