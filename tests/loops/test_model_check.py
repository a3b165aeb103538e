"""A head with another number of classes than the sampler draws."""

from types import SimpleNamespace

import pytest
from torch import nn

from auxskd_mm.datasets.transforms import SegmentPaceSample
from auxskd_mm.errors import InputError
from auxskd_mm.loops.model_check import check_classes
from auxskd_mm.models.heads import VSPPHead


def task(name, count):
    return SimpleNamespace(name=name, class_names=tuple(map(str, range(count))))


def dataset_of(*tasks):
    """A wrapped data set with the sampler inside a nested step."""
    sampler = SimpleNamespace(tasks=tasks)
    nested = SimpleNamespace(transforms=SimpleNamespace(transforms=[SimpleNamespace(), sampler]))
    return SimpleNamespace(dataset=SimpleNamespace(pipeline=SimpleNamespace(transforms=[nested])))


def model_of(*tasks):
    model = nn.Module()
    model.cls_head = nn.Module()
    model.cls_head.tasks = tasks
    return model


def test_as_many_classes_as_are_drawn():
    data = dataset_of(task('pace', 4), task('segment', 4))
    check_classes(model_of(task('pace', 4), task('segment', 4)), data)
    check_classes(model_of(), data)
    check_classes(nn.Module(), data)
    check_classes(model_of(task('class', 7)), data)
    for surplus in (8, 2):
        with pytest.raises(InputError, match=rf"draws 4 classes of 'pace' \(0, 1, 2, 3\), but .* has {surplus}; give"):
            check_classes(model_of(task('pace', surplus)), data)


def test_each_of_several_data_sets():
    whole = SimpleNamespace(
        dataset=SimpleNamespace(datasets=[dataset_of(task('pace', 4)), dataset_of(task('pace', 5))])
    )
    with pytest.raises(InputError, match=r"draws 5 classes of 'pace' .* has 4; give"):
        check_classes(model_of(task('pace', 4)), whole)


def test_a_data_set_that_draws_fewer_classes_joins_one_that_draws_all():
    """Such as short videos, at fewer speeds."""
    whole = SimpleNamespace(datasets=[dataset_of(task('pace', 2)), dataset_of(task('pace', 4))])
    check_classes(model_of(task('pace', 4)), whole)
    with pytest.raises(InputError, match=r"draws 4 classes of 'pace' .* has 5; give"):
        check_classes(model_of(task('pace', 5)), whole)


def test_sampler_and_head_of_vspp():
    sampler = SegmentPaceSample(clip_len=16, num_segments=4, speeds=(1, 2, 4, 8))
    data = SimpleNamespace(pipeline=SimpleNamespace(transforms=[sampler]))
    model = nn.Module()
    model.cls_head = VSPPHead(in_channels=4, num_speeds=4, num_segments=4)
    check_classes(model, data)
    for sizes, task_name in (((5, 4), 'pace'), ((4, 5), 'segment')):
        model.cls_head = VSPPHead(in_channels=4, num_speeds=sizes[0], num_segments=sizes[1])
        with pytest.raises(InputError, match=rf"SegmentPaceSample draws 4 classes of '{task_name}' .*VSPPHead\) has 5"):
            check_classes(model, data)
