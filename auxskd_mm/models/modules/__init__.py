"""What several methods share."""

from .batch_shuffle import batch_shuffle, batch_unshuffle
from .feature_queue import FeatureQueue
from .mlp import MLP
from .momentum_encoder import MomentumEncoder, check_momentum, momentum_update
from .pooling import pool_features
from .protocol_pooling import POOLINGS, pool_for_protocol

__all__ = [
    'MLP',
    'POOLINGS',
    'FeatureQueue',
    'MomentumEncoder',
    'batch_shuffle',
    'batch_unshuffle',
    'check_momentum',
    'momentum_update',
    'pool_features',
    'pool_for_protocol',
]
