"""Modules that several methods share."""

from ...choices import POOLINGS
from .feature_map import feature_map
from .feature_queue import FeatureQueue
from .frozen_network import FrozenNetwork
from .global_batch import batch_shuffle, batch_unshuffle, gather_batch, own_part, random_order
from .mlp import MLP
from .momentum_encoder import MomentumEncoder, check_momentum, momentum_update
from .pooling import pool_features
from .protocol_pooling import pool_for_protocol

__all__ = [
    'MLP',
    'POOLINGS',
    'FeatureQueue',
    'FrozenNetwork',
    'MomentumEncoder',
    'batch_shuffle',
    'batch_unshuffle',
    'check_momentum',
    'feature_map',
    'gather_batch',
    'momentum_update',
    'own_part',
    'pool_features',
    'pool_for_protocol',
    'random_order',
]
