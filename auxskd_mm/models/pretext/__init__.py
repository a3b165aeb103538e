"""One class for each method."""

from .aux_skd import AuxSKD
from .clipwise_recognizer import ClipwiseRecognizer3D
from .pretext_model import PretextModel
from .rspnet import RSPNet
from .teacher_model import TeacherModel

__all__ = ['AuxSKD', 'ClipwiseRecognizer3D', 'PretextModel', 'RSPNet', 'TeacherModel']
