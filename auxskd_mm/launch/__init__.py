"""What a command-line tool does around a config: options, errors, Runner, process group, training defaults, resume."""
