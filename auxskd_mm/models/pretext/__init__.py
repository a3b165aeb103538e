"""One class for each method."""

from .aux_skd import AuxSKD
from .clipwise_recognizer import ClipwiseRecognizer3D
from .frame_recognizer import FrameRecognizer
from .frozen_teacher import FrozenTeacher
from .joint_aux_skd import JointAuxSKD
from .pretext_model import PretextModel
from .rspnet import RSPNet
from .teacher_model import TeacherModel

__all__ = [
    'AuxSKD',
    'ClipwiseRecognizer3D',
    'FrameRecognizer',
    'FrozenTeacher',
    'JointAuxSKD',
    'PretextModel',
    'RSPNet',
    'TeacherModel',
]
