"""Several runs in one plot, told apart by colour where a panel has one scalar."""

import json

import cv2
import numpy as np

from auxskd_mm.visualization.curves import COLOURS, plot_curves


def run(folder, **values):
    path = folder / 'time' / 'vis_data' / 'scalars.json'
    path.parent.mkdir(parents=True)
    path.write_text('\n'.join(json.dumps(dict(step=i, **{k: v + i for k, v in values.items()})) for i in range(5)))
    return folder


def shown(picture, colour):
    rgb = [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
    return int((np.abs(picture[..., ::-1].astype(int) - rgb).max(-1) < 3).sum()) > 50


def test_runs_have_colours_of_their_own_where_there_is_one_scalar(tmp_path):
    runs = {name: run(tmp_path / name, loss=i, other=2 * i) for i, name in enumerate('abc')}
    one = cv2.imread(str(plot_curves(runs, [['loss']], tmp_path / '1.png')))
    assert [shown(one, colour) for colour in COLOURS[:4]] == [True, True, True, False]
    two = cv2.imread(str(plot_curves(runs, [['loss', 'other']], tmp_path / 'n' / '2.png')))
    assert [shown(two, colour) for colour in COLOURS[:4]] == [True, True, False, False]


def test_names_of_runs_and_scalars_are_no_formulas(tmp_path):
    runs = {r'$\foo$': run(tmp_path / 'a', **{r'$\bar$': 1}), 'b': run(tmp_path / 'b', **{r'$\bar$': 2})}
    assert plot_curves(runs, [['*']], tmp_path / 'c.png', chance={r'$\bar$': 0.5}).read_bytes()[:4] == b'\x89PNG'


def test_a_title_is_a_line_above_the_panels(tmp_path):
    runs = {'a': run(tmp_path / 'a', loss=1)}
    above = []
    for title in (None, 'VSPP, $x and 50% of the clips'):
        dark = cv2.imread(str(plot_curves(runs, [['loss']], tmp_path / 'c.png', title=title))).max(-1) < 128
        axis = np.flatnonzero(dark[:, dark.sum(0).argmax()])[0]  # where the left spine, the longest line, begins
        above.append(dark[: max(axis - 3, 0)].sum())
    assert above[0] == 0
    assert above[1] > 200
