"""auxSKD's test on held-out videos: by hand, against a slow loop, and on students that know nothing."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import toy_distillation as toy
from mmaction.structures import ActionDataSample

from auxskd_mm.errors import InputError
from auxskd_mm.evaluation import TeacherAgreementMetric, pretext_result
from auxskd_mm.evaluation.pretext.teacher_agreement_metric import agreement
from auxskd_mm.registry import MODELS


def samples(student, teacher, names=None, name='ema'):
    names = names or [f'{i}.mp4' for i in range(len(student))]
    return [
        {'filename': file, f'student_{name}': own, f'teacher_{name}': key}
        for file, own, key in zip(names, student, teacher)
    ]


def evaluate(made):
    metric = TeacherAgreementMetric()
    metric.process(None, made)
    return metric.evaluate(len(made))


def test_three_videos_by_hand():
    teacher = torch.eye(3)
    student = torch.tensor([[1.0, 0, 0], [0, 0, 1.0], [0, 1.0, 0]])  # the second and third are exchanged
    # Pair (0, 1): own 1 + 0, exchanged 0 + 0: right. (0, 2): right. (1, 2): own 0, exchanged 2: wrong.
    assert agreement(student, teacher, list('abc')).tolist() == [1.0, 0.5, 0.5]


def test_a_slow_loop_gives_the_same_and_leaves_out_clips_of_the_same_video():
    rng = torch.Generator().manual_seed(0)
    student, teacher = (torch.randn(7, 5, generator=rng) for _ in range(2))
    videos = list('aabbcde')
    cos = [[F.cosine_similarity(q, k, dim=0).item() for k in teacher] for q in student]
    expected = [
        np.mean([cos[i][i] + cos[j][j] > cos[i][j] + cos[j][i] for j in range(7) if videos[i] != videos[j]])
        for i in range(7)
    ]
    assert agreement(student, teacher, videos) == pytest.approx(expected)


def test_a_student_that_follows_its_teacher_has_learned_and_a_shuffled_pairing_has_not():
    rng = torch.Generator().manual_seed(1)
    teacher = torch.randn(30, 16, generator=rng)
    student = 3 * teacher + 0.5 * torch.randn(30, 16, generator=rng)
    result = evaluate(samples(student, teacher))
    assert result['auxskd/agreement_learned']
    assert result['auxskd/agreement_acc'] > 0.95
    assert result['auxskd/agreement_chance'] == 0.5
    shuffled = evaluate(samples(student, teacher.roll(11, 0)))
    assert not pretext_result(shuffled).learned


def test_a_collapsed_network_has_not_learned():
    same = torch.ones(20, 4)
    result = evaluate(samples(same, same * 2))
    assert result['auxskd/agreement_acc'] == 0.5
    assert not result['auxskd/agreement_learned']


def test_both_teachers_have_their_verdicts_and_one_alone_has_the_plain_name():
    keys = torch.eye(30)
    both = [a | b for a, b in zip(samples(keys, keys), samples(keys, keys.roll(1, 0), name='frozen'))]
    result = evaluate(both)
    assert (result['auxskd/agreement_learned'], result['auxskd/frozen_agreement_learned']) == (True, False)
    assert evaluate(samples(keys, keys, name='frozen'))['auxskd/agreement_learned']


def test_the_model_writes_its_prediction_and_the_teachers_feature():
    torch.manual_seed(0)
    model = MODELS.build(toy.aux_skd())
    model.teacher.copy_from(model.student_modules())
    model.eval()
    inputs = torch.randn(3, 2, 3, 2, 4, 4)
    with torch.no_grad():
        made = model.predict(inputs, [ActionDataSample() for _ in range(3)])
        query = model.run_student(inputs[:, 0]).query
        keys = model.embed(model.teacher, inputs[:, 1])
    assert torch.allclose(torch.stack([sample.student_ema for sample in made]), query)
    assert torch.allclose(torch.stack([sample.teacher_ema for sample in made]), keys)
    assert made[0].feature.shape[0] == 2
    one = model.predict(inputs[:, :1], [ActionDataSample() for _ in range(3)])
    assert 'student_ema' not in one[0]


def test_a_random_network_has_not_learned():
    """The start of the phase: the predictor is random, so its answers have nothing to do with the teacher's."""
    learned = 0
    for seed in range(5):
        torch.manual_seed(seed)
        model = MODELS.build(toy.aux_skd())
        model.teacher.copy_from(model.student_modules())
        model.eval()
        with torch.no_grad():
            made = model.predict(torch.randn(24, 2, 3, 2, 4, 4), [ActionDataSample() for _ in range(24)])
        rows = [dict(sample.all_items(), filename=str(i)) for i, sample in enumerate(made)]
        learned += evaluate(rows)['auxskd/agreement_learned']
    assert learned <= 1


def test_bad_samples_are_named():
    with pytest.raises(InputError, match="carry no 'teacher_ema'"):
        TeacherAgreementMetric().process(None, [dict(filename='a')])
    with pytest.raises(InputError, match='1 readable videos, expected at least 2'):
        evaluate(samples(torch.eye(2), torch.eye(2), names=['a', 'a']))
