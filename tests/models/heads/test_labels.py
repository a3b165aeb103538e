"""Which clips come from one video."""

import torch
from mmaction.structures import ActionDataSample

from auxskd_mm.models.heads import video_groups


def test_groups_by_file_name_or_by_sample():
    def samples(*names):
        made = [ActionDataSample() for _ in names]
        for sample, name in zip(made, names):
            if name is not None:
                sample.set_metainfo(dict(filename=name))
        return made

    cpu = torch.device('cpu')
    assert video_groups(samples('b', 'a', 'b'), 2, cpu).tolist() == [0, 0, 1, 1, 0, 0]
    assert video_groups(samples(None, None), 3, cpu).tolist() == [0, 0, 0, 1, 1, 1]
    assert video_groups(samples('a'), 1, cpu).dtype == torch.int64
