"""Text from outside."""

import matplotlib
import pytest

from auxskd_mm.visualization.plain_text import figure_text, markdown_text, one_line

matplotlib.use('Agg')
import matplotlib.pyplot as plt


def test_one_line():
    assert one_line('a\nb\r\tc\x00d\u202ee') == 'a b  c d e'


def test_markdown():
    assert markdown_text('a|b*c_d`[x](y)\n<b>&') == r'a\|b\*c\_d\`\[x\](y) &lt;b&gt;&amp;'


@pytest.mark.parametrize('text', ['$x_1', '$\\frac$', 'a$b$c', '\\alpha\n'])
def test_figures_take_any_text(text):
    figure = plt.figure()
    figure.text(0, 0, figure_text(text))
    figure.canvas.draw()  # a formula that is none would raise here
    plt.close(figure)
