"""Progress lines: the most wanted numbers, within the width, and no number lost from the scalars."""

from auxskd_mm.loops.progress_lines import _head, _items, _join


def test_the_head_is_that_of_mmengine():
    assert _head('Epoch(train)   [1][ 20/250]  lr: 1.0e-03  eta: 0:00:10') == 'Epoch(train)   [1][ 20/250]'
    assert _head('Iter(train) [  20/1000]  lr: 1.0e-03') == 'Iter(train) [  20/1000]'
    assert _head('Epoch(test) [5/20]    time: 1') == 'Epoch(test) [5/20]'


def test_loss_and_time_left_come_first_and_data_time_is_said_where_it_matters():
    tag = dict(lr=1e-3, time=0.5, data_time=0.2, loss_pace=1.0, loss=1.5, pace_acc=0.25, epoch=1, iter=3, memory=900)
    assert _items(tag, 'train', 61.7) == [
        'loss: 1.5000',
        'eta: 0:01:01',
        'time: 0.5 (40% data)',
        'pace_acc: 0.2500',
        'lr: 1.00e-03',
        'loss_pace: 1.0000',
        'memory: 900',
    ]
    assert _items({'time': 0.5, 'data_time': 0.04}, 'train', None) == ['time: 0.5']
    assert tag['loss'] == 1.5  # what goes to scalars.json is left alone


def test_what_does_not_fit_is_left_out():
    assert _join('Epoch', ['loss: 1', 'a_long_name: 2', 'b: 3'], 20) == 'Epoch  loss: 1  b: 3'
