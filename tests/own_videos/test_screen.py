"""On a terminal one line moves; without one, every line is a line."""

import io

from auxskd_mm.own_videos.screen import Screen


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_a_terminal_shows_one_live_line_at_a_time():
    stream = Terminal()
    screen = Screen(stream)
    with screen.passing_output('split 1'):
        print('[1/2] first')
        print('[2/2] second')
    screen.say('done')
    text = stream.getvalue()
    assert text.count('\n') == 1
    assert text.endswith('done\n')
    assert '\r\x1b[Ksplit 1: [2/2] second' in text


def test_without_a_terminal_lines_stay_and_have_no_codes():
    stream = io.StringIO()
    screen = Screen(stream)
    with screen.passing_output('split 1'):
        print('[1/2] first\n[2/2] sec', end='')
        print('ond')
    assert stream.getvalue() == 'split 1: [1/2] first\nsplit 1: [2/2] second\n'


def test_notes_are_kept_for_the_report():
    screen = Screen(io.StringIO())
    screen.say('plan')
    screen.note('left out: a.mp4')
    assert screen.notes == ['left out: a.mp4']
