"""What auxSKD and RSPNet share: a teacher that must be started, and normalised keys."""

import pytest
import torch
import torch.nn.functional as F
import toy_distillation  # noqa: F401  (registers the toy backbone)

from auxskd_mm.errors import InputError
from auxskd_mm.models.modules import FeatureQueue, MomentumEncoder
from auxskd_mm.models.pretext import TeacherModel


class Own(TeacherModel):
    """A method whose teacher is a copy of the backbone."""

    def __init__(self):
        super().__init__(dict(type='auxskd_mm.ToyBackbone'))
        self.build_teacher(7, 6, 'columns')

    def student_modules(self):
        return dict(backbone=self.backbone)

    def embed(self, network, clips):
        return network.backbone(clips).mean((2, 3, 4))


def test_teacher_and_queue_are_built_and_named():
    model = Own()
    assert isinstance(model.teacher, MomentumEncoder)
    assert isinstance(model.queue, FeatureQueue)
    assert model.queue.features.shape == (7, 6)
    assert torch.allclose(model.queue.features.norm(dim=0), torch.ones(6))
    roots = {key.split('.')[0] for key in model.state_dict()}
    assert roots == {'backbone', 'teacher', 'queue'}


def test_a_teacher_that_nobody_started_is_refused():
    model, clips = Own(), torch.randn(2, 3, 2, 4, 4)
    with pytest.raises(InputError, match=r'Own: the teacher was never started; attach it by .*SKDDistillerHook'):
        model.teacher_features(clips)
    with torch.no_grad():
        model.backbone.conv1.weight.mul_(2)
    model.teacher.copy_from(model.student_modules())
    features = model.teacher_features(clips)
    assert not features.requires_grad
    assert torch.equal(features, model.embed(model, clips))


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_keys_have_norm_one_whatever_their_type(dtype):
    model, keys = Own(), 5 * torch.randn(4, 6)
    with torch.autocast('cpu', torch.bfloat16, enabled=dtype == torch.bfloat16):
        model.enqueue(keys.to(dtype))
    assert torch.equal(model.queue.features[:4], F.normalize(keys.to(dtype).float(), dim=1))
    assert torch.allclose(model.queue.features[:4].norm(dim=1), torch.ones(4), atol=1e-6)
