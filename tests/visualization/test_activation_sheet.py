"""The overlay's colours, and a picture."""

import numpy as np

from auxskd_mm.visualization.activation_sheet import ActivationClip, draw_activation, overlay


def test_orange_is_for_purple_against_and_nothing_is_grey():
    frame = np.zeros((1, 3, 3), np.uint8)
    frame[...] = (30, 60, 90)
    against, nothing, much = overlay(frame, np.array([[-2.0, 0.0, 2.0]]), 2.0)[0].astype(int)
    assert nothing.tolist() == [60, 60, 60]
    assert much[0] > much[2] + 50  # red above blue
    assert against[2] > against[0] + 20
    # Twice the limit is the limit.
    np.testing.assert_array_equal(overlay(frame, np.full((1, 3), 4.0), 2.0), overlay(frame, np.full((1, 3), 2.0), 2.0))


def test_a_map_of_zeros_and_odd_names_are_drawn(tmp_path):
    clip = ActivationClip(np.zeros((2, 8, 8, 3), np.uint8), [0, 1], [True, False], '$', np.zeros((2, 8, 8)))
    path = draw_activation([clip], tmp_path / 'n' / 'a.png', '$x\n')
    assert path.read_bytes()[:4] == b'\x89PNG'
