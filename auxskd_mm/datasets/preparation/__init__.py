"""Makes the lists of the configs from published data sets or from your own folder."""

from .hmdb51 import prepare_hmdb51
from .kinetics100 import prepare_kinetics100_by_size, prepare_kinetics100_from_list
from .own_folder import prepare_folder
from .ucf101 import prepare_ucf101
from .video_check import check_videos

__all__ = [
    'check_videos',
    'prepare_folder',
    'prepare_hmdb51',
    'prepare_kinetics100_by_size',
    'prepare_kinetics100_from_list',
    'prepare_ucf101',
]
