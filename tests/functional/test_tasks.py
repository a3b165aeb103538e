"""Names of tasks, classes and keys, written out by hand."""

import dataclasses

import pytest

from auxskd_mm.functional.tasks import Task, drawn_tasks, order_names, ordinal, segment_names


def test_what_a_name_alone_gives():
    task = Task('direction')
    assert (task.label_key, task.pred_key, task.about) == ('direction_label', 'pred_direction', 'direction')
    assert (task.clips, task.given, task.unanswerable) == (1, '', 0)
    named = Task('direction', label_key='gt_label', pred_key='pred_score', about='where it goes')
    assert (named.label_key, named.pred_key, named.about) == ('gt_label', 'pred_score', 'where it goes')


def test_class_names_are_texts_and_a_class_without_a_name_is_its_number():
    task = Task('speed', [1, 2.5])
    assert task.class_names == ('1', '2.5')
    assert [task.class_name(label) for label in (0, 1, 2, -1)] == ['1', '2.5', '2', '-1']
    assert Task('speed').class_name(3) == '3'


def test_a_task_is_a_value():
    assert Task('speed', [1, 2]) == Task('speed', ('1', '2'))
    assert len({Task('speed'), Task('speed'), Task('order')}) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        Task('speed').name = 'order'


def test_the_labels_of_a_sample_are_its_tasks():
    keys = ['pace_label', 'gt_label', 'frame_inds', 'label', 'segment_label', 'pred_pace']
    assert [task.name for task in drawn_tasks(keys)] == ['pace', 'segment']


def test_names_of_segments_and_orders():
    assert segment_names(1) == ('whole clip',)
    assert segment_names(2) == ('1 of 2', '2 of 2')
    assert order_names(3) == ('0-1-2', '0-2-1', '1-0-2', '1-2-0', '2-0-1', '2-1-0')


def test_ordinals():
    found = [ordinal(number) for number in (0, 1, 2, 3, 4, 10, 11, 12, 13, 21, 22, 23, 101, 111, 112, 121)]
    assert ' '.join(found) == '0th 1st 2nd 3rd 4th 10th 11th 12th 13th 21st 22nd 23rd 101st 111th 112th 121st'
