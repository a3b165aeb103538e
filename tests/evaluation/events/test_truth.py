"""A truth file is read wrongly, or its mistakes are not named by line."""

import pytest

from auxskd_mm.errors import InputError
from auxskd_mm.evaluation.events import Event, read_events

NAMES = ('serve', 'second serve', 'volley')


@pytest.mark.parametrize(
    'text', ['0 1.5 serve\n\n# note\n2 3 second serve\n', '2\t3\tsecond serve\n0\t1.5\t0\n', '0, 1.5, serve\n2,3,1']
)
def test_columns_names_and_numbers(tmp_path, text):
    path = tmp_path / 'truth.txt'
    path.write_text(text)
    assert read_events(path, NAMES, 3.0) == [Event(0, 1.5, 'serve'), Event(2, 3, 'second serve')]


def test_an_end_may_pass_the_duration_by_a_thousandth(tmp_path):
    """Other programs round it, or count the sound."""
    path = tmp_path / 'truth.txt'
    path.write_text('0 100.1 serve')
    assert read_events(path, NAMES, 100.0) == [Event(0, 100.1, 'serve')]
    path.write_text('0 100.11 serve')
    with pytest.raises(InputError, match='ends beyond the recording'):
        read_events(path, NAMES, 100.0)


def test_a_label_with_a_comma(tmp_path):
    path = tmp_path / 'truth.txt'
    path.write_text('0\t1\tserve, left\n1 2 serve, left\n2, 3, serve, left\n3 ,4 ,serve, left\n')
    assert read_events(path, ['serve, left']) == [Event(i, i + 1, 'serve, left') for i in range(4)]


@pytest.mark.parametrize(
    ('text', 'line', 'words'),
    [
        ('0 1 serve\n2 2 volley', 2, 'expected 0 <= start < end'),
        ('0 1 serve\n3 2 volley', 2, 'expected 0 <= start < end'),
        ('-1 1 serve', 1, 'expected 0 <= start < end'),
        ('0 nan serve', 1, 'expected 0 <= start < end'),
        ('0 1', 1, "expected 'start end label'"),
        ('serve 0 1', 1, "expected 'start end label'"),
        ('0,5 1,5 serve', 1, "expected 'start end label'"),
        ('8 11 serve', 1, 'ends beyond the recording, which has 10.000 s'),
        ('0 1 lob', 1, "the model has no class 'lob'; its classes are serve, second serve, volley"),
        ('0 1 3', 1, "the model has no class '3'"),
        ('0 1 \u00b2', 1, "the model has no class '\u00b2'"),  # a digit, and no number
        ('0 2 serve\n1 3 serve', 2, 'overlaps with line 1'),
        ('1 3 volley\n\n0 2 serve', 1, 'overlaps with line 3'),
    ],
)
def test_mistakes_are_named_by_line(tmp_path, text, line, words):
    path = tmp_path / 'truth.txt'
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        read_events(path, NAMES, 10.0)
    message = str(caught.value)
    assert message.startswith(f'{path}: line {line}')
    assert words in message
    assert '\n' not in message


@pytest.mark.parametrize('text', ['', '# nothing\n'])
def test_no_events(tmp_path, text):
    path = tmp_path / 'truth.txt'
    path.write_text(text)
    with pytest.raises(InputError, match='no event in it'):
        read_events(path)
