"""A frame that is coded by itself carries no trace of its neighbours."""

import numpy as np

from auxskd_mm.datasets.motion_clips import MotionClipsSettings, draw_scene, render_scene
from auxskd_mm.datasets.motion_clips.encode import write_h264
from auxskd_mm.datasets.readers import open_reader


def decoded(path, frames, **settings):
    write_h264(path, frames, fps=25, **settings)
    reader = open_reader(str(path))
    seen = np.stack(reader.read(range(reader.num_frames)))
    reader.close()
    return seen


def test_decoded_frame_depends_on_itself_alone(tmp_path):
    default = MotionClipsSettings()
    frames = render_scene(draw_scene(MotionClipsSettings(frames=12), 'train', 'rotation', 0))
    ours = dict(gop=default.gop, qp=default.qp)
    forward, backward = decoded(tmp_path / 'a.mp4', frames, **ours), decoded(tmp_path / 'b.mp4', frames[::-1], **ours)
    assert np.array_equal(forward, backward[::-1])
    alone = decoded(tmp_path / 'c.mp4', frames[7:8], **ours)
    assert np.array_equal(forward[7:8], alone)
    # Predicted frames do depend on others: the comparison can fail.
    assert not np.array_equal(decoded(tmp_path / 'd.mp4', frames, gop=10, qp=default.qp)[7:8], alone)
    assert [path.name for path in sorted(tmp_path.iterdir())] == ['a.mp4', 'b.mp4', 'c.mp4', 'd.mp4']
