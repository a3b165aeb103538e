"""Common parts of the command-line tools: options, errors, Runner, process group, training defaults, resume."""
