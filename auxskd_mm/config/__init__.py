"""Reading configs: load them, look things up in them, and explain them in words."""
