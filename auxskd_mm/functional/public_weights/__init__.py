"""Weights of public checkpoints, under the names of our networks and of MMAction2's.

One module per naming. :func:`match_weights` finds the network in a file, recognises its naming, and renames its tensors.
"""

from .containers import weights_in
from .match import Match, match_weights

__all__ = ['Match', 'match_weights', 'weights_in']
