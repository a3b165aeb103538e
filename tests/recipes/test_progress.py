"""Estimates of the remaining time."""

from auxskd_mm.recipes.progress import Progress


def test_steps_of_a_kind_tell_about_each_other():
    progress = Progress(['pre', 'probe', 'pre', 'probe', 'probe'], [None] * 5)
    assert progress.left(0) == '5 steps of unknown length left'
    progress.done('pre', 3600)
    assert progress.left(1) == 'about 60 min and 3 steps of unknown length left'
    progress.done('probe', 30)
    progress.done('pre', 1800)
    progress.done('probe', 50)
    assert progress.left(4) == 'about 40 s left'  # the mean of 30 and 50


def test_what_was_finished_before_is_not_left_but_known():
    progress = Progress(['a', 'a', 'a'], [100.0, None, 300.0])
    assert progress.left(0) == 'about 3 min left'  # 200 s, the mean of the two
    assert progress.left(2) == 'nothing left to run'
    assert Progress(['a'], [None]).left(0) == '1 step of unknown length left'
    progress = Progress(['a'] * 3, [None, 4 * 3600.0, None])
    assert progress.left(0) == 'about 8.0 h left'


def test_steps_that_end_out_of_order_are_counted_once():
    progress = Progress(['a', 'b', 'a'], [None] * 3)
    progress.done('a', 60, 2)
    assert progress.left(0, jobs=2) == 'about 30 s and 1 step of unknown length left'
