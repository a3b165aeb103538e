"""What a run writes down about itself, and reading it back: protocol, provenance, environment, times, scalars."""
