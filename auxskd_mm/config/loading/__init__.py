"""What a config becomes while it is loaded: overrides, copied variables, types as text."""
