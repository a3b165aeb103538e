"""The pictures of the report."""

from pathlib import Path

from figure_edges import is_cut_off, saved_figures
from made_up_rows import row, splits_of, videos

from auxskd_mm.own_videos import page
from auxskd_mm.own_videos.choice import choose, make_table


def test_neither_titles_of_rows_nor_the_legend_are_cut_off(monkeypatch):
    figures, found = saved_figures(monkeypatch, page), videos(classes=2, groups=6, each=5)
    splits = splits_of(found, 2)
    rows = dict(late_frozen=row(found, splits, 0.9), early_pace=row(found, splits, 0.5, name='early_pace', seed=1))
    rows['early_pace'].title = 'early maps of public weights, VideoPace on your pool, fine-tuned'
    table = make_table(rows, splits, found)
    page._draw_rows(Path('x.png'), table, choose(table))
    assert not is_cut_off(figures[0])
