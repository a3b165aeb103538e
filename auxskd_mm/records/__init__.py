"""Records of a run, written and read: protocol, provenance, environment, times, scalars."""
