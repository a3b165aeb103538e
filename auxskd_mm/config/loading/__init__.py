"""Steps of loading a config: overrides, copied variables, types as text."""
