"""Model wrappers for training on several processes."""

from .fully_sharded import FullyShardedModel, full_state, is_sharded, shard_optimizer_state, sharded_like

__all__ = ['FullyShardedModel', 'full_state', 'is_sharded', 'shard_optimizer_state', 'sharded_like']
