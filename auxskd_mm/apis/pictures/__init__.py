"""Pictures of a model's inputs and results, each drawn from a config and a checkpoint."""
