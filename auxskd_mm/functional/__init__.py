"""Pure functions under the registered components; they know no registry, no config and no Runner."""
