"""Pooled features of cached stages by hand."""

import numpy as np
import pytest

from auxskd_mm.errors import InputError
from auxskd_mm.evaluation.probes import feature_views


def test_poolings_and_combinations_by_hand():
    # One video, two steps, two positions, one channel: 1 and 3 at the first position, 5 and 5 at the second.
    late = np.array([1.0, 5.0, 3.0, 5.0]).reshape(1, 2, 2, 1)
    early = np.array([[2.0, 7.0]])  # already pooled, two channels
    views = feature_views(dict(early=early, late=late))
    assert views['late/mean'][0].tolist() == [[3.5]]
    assert views['late/mean_std'][0].tolist() == [[3.5, 0.5]]  # deviations 1 and 0 over time
    assert views['late/grid'][0].tolist() == [[1.0, 5.0, 3.0, 5.0]]
    assert [part.tolist() for part in views['late/attentive']] == [[[[1.0], [5.0], [3.0], [5.0]]]]
    assert views['early+late/mean'][0].tolist() == [[2.0, 7.0, 3.5]]
    assert views['early+late/mean_std'][0].tolist() == [[2.0, 7.0, 3.5, 0.5]]
    assert views['early+late/grid'][0].tolist() == [[2.0, 7.0, 1.0, 5.0, 3.0, 5.0]]
    assert [part.shape for part in views['early+late/attentive']] == [(1, 1, 2), (1, 4, 1)]
    assert 'early/mean_std' not in views  # one step has no deviation
    assert 'early/attentive' not in views
    assert 'early/grid' not in views


def test_the_deviation_is_that_of_each_position_and_the_last_two_stages_go_together():
    # The mean over the positions is the same in both steps; each position moves by 1 around its own mean.
    maps = np.array([1.0, 7.0, 3.0, 5.0]).reshape(1, 2, 2, 1)
    views = feature_views(dict(a=maps, b=maps, c=maps), ('mean', 'mean_std'))
    assert views['c/mean_std'][0].tolist() == [[4.0, 1.0]]
    assert [name for name in views if name.endswith('/mean')] == ['a/mean', 'b/mean', 'c/mean', 'b+c/mean']


def test_stages_of_different_videos_are_refused():
    with pytest.raises(InputError, match=r'stages of \[2, 3\] videos'):
        feature_views(dict(a=np.zeros((2, 4)), b=np.zeros((3, 4))))
    with pytest.raises(InputError, match=r"stage 'a' has shape \(2,\)"):
        feature_views(dict(a=np.zeros(2)))
