"""Sets with one folder per class: what is missing is written, and nothing else is touched."""

import pytest

from auxskd_mm.datasets.motion_clips import HEADINGS, MotionClipsSettings, make_heading_clips, make_pattern_clips
from auxskd_mm.datasets.motion_clips.textures import PATTERNS
from auxskd_mm.errors import InputError

SMALL = MotionClipsSettings(width=48, height=36, frames=6)


@pytest.mark.parametrize(
    ('make', 'kind', 'classes'),
    [(make_heading_clips, 'heading', HEADINGS), (make_pattern_clips, 'pattern', PATTERNS)],
)
def test_a_second_call_writes_only_what_is_missing(make, kind, classes, tmp_path):
    out, name = tmp_path / 'clips', list(classes)[-1]
    assert make(out, 1, SMALL) == len(classes)
    path = out / name / f'{name}_00000.mp4'
    content = path.read_bytes()
    path.unlink()
    make(out, 1, SMALL)
    assert path.read_bytes() == content
    with pytest.raises(InputError, match=f'holds {kind} clips with other settings'):
        make(out, 2, SMALL)
    (tmp_path / 'mine').mkdir()
    (tmp_path / 'mine' / 'a.txt').write_text('mine')
    with pytest.raises(InputError, match=f'not a folder of {kind} clips'):
        make(tmp_path / 'mine', 1, SMALL)
