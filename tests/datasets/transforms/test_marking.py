"""Constants reach the packed sample."""

from mmaction.registry import TRANSFORMS


def test_marks_reach_the_data_sample():
    mark = TRANSFORMS.build(dict(type='auxskd_mm.MarkSample', split='gallery', start_index=0))
    results = mark(dict(split='old', imgs=[1.0]))
    assert results == dict(split='gallery', start_index=0, imgs=[1.0])
    pack = TRANSFORMS.build(dict(type='PackActionInputs', meta_keys=('split',)))
    assert pack(results)['data_samples'].split == 'gallery'
    assert repr(mark) == "MarkSample(split='gallery', start_index=0)"
