"""Times of iterations, compared with means calculated by hand."""

import json

import pytest

from auxskd_mm.errors import InputError
from auxskd_mm.records.iteration_time import train_time


def write(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(''.join(json.dumps(row) + '\n' for row in rows))


@pytest.fixture
def run(tmp_path):
    """Two epochs, the second in the log of a resumption that was killed while it wrote."""
    first = [
        dict(epoch=1, step=i, time=t, data_time=d) for i, (t, d) in enumerate([(9.0, 8.0), (1.0, 0.5), (3.0, 1.5)])
    ]
    write(tmp_path / '20260101_1' / 'vis_data' / 'scalars.json', [*first, {'acc/top1': 0.5, 'step': 1}])
    path = tmp_path / '20260101_2' / 'vis_data' / 'scalars.json'
    write(path, [dict(epoch=2, step=4, time=5.0, data_time=1.0), dict(epoch=2, step=5, time=4.0, data_time=1.0)])
    path.write_text(path.read_text() + '{"epoch": 2, "ti')
    return tmp_path


def test_the_first_value_of_an_epoch_is_left_out(run):
    found = train_time(run)
    assert found.epochs == {1: 2.0, 2: 4.0}
    assert (found.slowest, found.fastest, found.spread) == (2, 1, 1.0)
    assert found.mean == pytest.approx((1 + 3 + 4) / 3)
    assert found.data == pytest.approx((0.5 + 0.5 + 0.25) / 3)


def test_or_counted(run):
    found = train_time(run, include_outliers=True)
    assert found.epochs == {1: pytest.approx(13 / 3), 2: 4.5}
    assert (found.slowest, found.fastest) == (2, 1)


def test_a_single_value_is_not_left_out(tmp_path):
    write(tmp_path / 'scalars.json', [dict(epoch=1, time=2.0)])
    found = train_time(tmp_path / 'scalars.json')
    assert found.mean == 2.0
    assert found.data is None


def test_nothing_to_read(tmp_path):
    with pytest.raises(InputError, match='none: no such work dir'):
        train_time(tmp_path / 'none')
    with pytest.raises(InputError, match=r'no \*/vis_data/scalars\.json in it'):
        train_time(tmp_path)
    write(tmp_path / 'scalars.json', [{'acc/top1': 1.0}])
    with pytest.raises(InputError, match='holds no times'):
        train_time(tmp_path / 'scalars.json')


def test_the_first_value_after_a_resume_within_an_epoch_is_left_out_too(run):
    path = run / '20260101_3' / 'vis_data' / 'scalars.json'
    write(path, [dict(epoch=2, step=6, time=30.0), dict(epoch=2, step=7, time=2.0)])
    assert train_time(run).epochs == {1: 2.0, 2: 3.0}
