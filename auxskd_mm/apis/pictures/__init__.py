"""Pictures of what a model sees and learned, each drawn from a config and a checkpoint."""
