"""The page stands alone, its pictures decode, and nothing from outside becomes markup."""

import base64
import io
from html.parser import HTMLParser

import numpy as np
from PIL import Image

from auxskd_mm.visualization.clip_gallery import write_gallery
from auxskd_mm.visualization.seen_clips import SeenClip, SeenSample

HOSTILE = '/videos/<script>alert(1)</script>"\' onerror=x\n<b>.mp4'


class Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.images, self.links, self.text = [], [], [], ''

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        for key, value in attrs:
            if key in ('src', 'href'):
                (self.images if value.startswith('data:image/') else self.links).append(value)
            assert not key.startswith('on'), (key, value)

    def handle_data(self, data):
        self.text += data


def sample(name, stages=('decoded', 'input')):
    frames = {stage: np.full((2, 30, 40, 3), 60, np.uint8) for stage in stages}
    return SeenSample(name, [SeenClip('speed 2x <i>', np.arange(2), np.array([False, True]), frames)])


def parsed(path):
    page = Page()
    page.feed(path.read_text(encoding='utf-8'))
    return page


def test_hostile_file_names_are_text(tmp_path):
    path = write_gallery([sample(HOSTILE)], tmp_path / 'new' / 'x.html', 'a <title>\nhere', ['fact & <u>'])
    page = parsed(path)
    assert not {'script', 'b', 'i', 'u'} & set(page.tags)
    assert HOSTILE.replace('\n', ' ') in page.text
    assert 'speed 2x <i>' in page.text
    assert 'fact & <u>' in page.text
    assert page.text.count('a <title> here') == 2  # of the tab and of the page


def test_pictures_are_inside_and_nothing_is_fetched(tmp_path):
    page = parsed(
        write_gallery([sample('a.mp4'), sample('b.mp4', ['input'])], tmp_path / 'x.html', 't', stages=['input'])
    )
    assert page.links == []
    kinds = []
    for source in page.images:
        head, _, content = source.partition(';base64,')
        image = Image.open(io.BytesIO(base64.b64decode(content, validate=True)))
        kinds.append((head, image.format, getattr(image, 'n_frames', 1)))
    assert kinds == [('data:image/png', 'PNG', 1), ('data:image/gif', 'GIF', 2)] * 2
