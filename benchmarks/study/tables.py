"""The study's tables as Markdown."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from designs import AUX, METHODS, TOTAL
from results import Results

from auxskd_mm.recipes.tables.intervals import Interval, interval, paired
from auxskd_mm.recipes.tables.table import markdown, signed

PRETEXT = dict(vspp='vspp/pace_acc', pace='pretext/pace_acc', vcop='pretext/order_acc', rspnet='pretext/speed_acc')
MEASURES = (('k-NN', 'frozen', 'knn/0'), ('linear probe', 'frozen', 'linear/0'), ('R@1', 'frozen', 'R@1/0'),
            ('fine-tuned', 'finetune0', 'acc/top1'))  # fmt: skip
FEW = (1, 5, 20, 0)


def rows_of_methods() -> list[tuple[str, str]]:
    """Row and title of every pretraining of the main table."""
    rows = [('scratch', 'none (random weights)'), ('auxskd', 'auxSKD alone')]
    for method, title in METHODS.items():
        rows += [(method, title), (f'auxskd_{method}', f'auxSKD, then {title}')]
    return rows


def few(step: str, key: str) -> list[tuple[str, str, str]]:
    """Columns of one measure by labels per class."""
    names = {0: 'all'}
    return [(names.get(n, str(n)), step.format(n), key.format(n)) for n in FEW]


def means(
    results: Results, table: str, rows: Sequence[tuple[str, str]], columns: Sequence[tuple[str, str, str]]
) -> str:
    """Mean and interval of each row and column; rows that were not run are left out."""
    made = []
    for row, title in rows:
        found = [interval(list(results.values(table, row, step, key).values())) for _, step, key in columns]
        if any(cell.count for cell in found):
            made.append([title, *(cell.text() for cell in found)])
    return markdown(['pretraining', *(name for name, _, _ in columns)], made)


def difference(results: Results, table: str, row: str, base: tuple[str, str], step: str, key: str) -> Interval:
    """Paired difference of a row to a base (table, row) in one measure."""
    return paired(results.values(table, row, step, key), results.values(*base, step, key))


def differences(
    results: Results, rows: Sequence[tuple[str, str, tuple[str, str], str]], columns: Sequence[tuple[str, str, str]]
) -> str:
    """Paired differences in points. Rows are (table, row, base, title). Bold if the interval excludes 0."""
    made = []
    for table, row, base, title in rows:
        found = [difference(results, table, row, base, step, key) for _, step, key in columns]
        if any(cell.count for cell in found):
            made.append([title, *map(signed, found)])
    return markdown(['', *(name for name, _, _ in columns)], made)


def motion_main(results: Results) -> str:
    """All labels."""
    return means(results, 'motion', rows_of_methods(), MEASURES)


def motion_paired(results: Results) -> str:
    """Make the table of the auxiliary phase's gain for each method."""
    rows = [('motion', f'auxskd_{m}', ('motion', m), f'before {title}') for m, title in METHODS.items()]
    rows.append(('motion', 'auxskd', ('motion', 'scratch'), 'alone, over random weights'))
    few_tuned = [(f'fine-tuned, {name}', step, key) for name, step, key in few('finetune{}', 'acc/top1')]
    return differences(results, rows, [*MEASURES[:3], *few_tuned])


def motion_pretext(results: Results) -> str:
    """Accuracy of the primary phases on held-out clips, alone and after auxSKD."""
    made = []
    for method, title in METHODS.items():
        cells = []
        for row in (method, f'auxskd_{method}'):
            cells.append(interval(list(results.values('motion', row, method, PRETEXT[method]).values())).text())
        chance = results.values('motion', method, method, PRETEXT[method].replace('acc', 'chance'))
        made.append([title, *cells, interval(list(chance.values())).text()])
    return markdown(
        ['task', f'alone, {TOTAL} steps', f'after auxSKD, {TOTAL - AUX} steps', 'best constant answer'], made
    )


def real_main(results: Results) -> str:
    """Tennis strokes of unseen scenes."""
    rows = [('scratch', 'none (random weights)'), ('scratch_still', 'none, still frames'),
            ('vspp', 'VSPP'), ('auxskd_vspp', 'auxSKD, then VSPP'),
            ('auxskd_vspp_still', 'auxSKD, then VSPP, still frames'),
            ('from_motion_vspp', 'VSPP on MotionClips'),
            ('from_motion_auxskd_vspp', 'auxSKD, then VSPP on MotionClips')]  # fmt: skip
    table = means(results, 'real', rows, MEASURES)
    pairs = [('real', 'auxskd_vspp', ('real', 'vspp'), 'auxSKD before VSPP, over VSPP alone'),
             ('real', 'auxskd_vspp', ('real', 'scratch'), 'auxSKD, then VSPP, over random weights'),
             ('real', 'vspp', ('real', 'scratch'), 'VSPP, over random weights'),
             ('real', 'scratch', ('real', 'scratch_still'), 'moving over still frames, random weights'),
             ('real', 'from_motion_auxskd_vspp', ('real', 'scratch'),
              'auxSKD, then VSPP on MotionClips, over random weights')]  # fmt: skip
    return f'{table}\n\nPaired by split, in points:\n\n{differences(results, pairs, MEASURES)}'


def shortcuts(results: Results) -> str:
    """Make the table of VSPP's accuracy on changed test clips: its value on still clips, and its change on other clips."""
    made = []
    for clips, title in (('motion', 'MotionClips'), ('real', 'tennis, unseen scenes')):
        for row, name in (('vspp', 'VSPP'), ('auxskd_vspp', 'auxSKD, then VSPP')):
            for key, task in (('vspp/pace_acc', 'pace'), ('vspp/segment_acc', 'segment')):
                changed = {
                    test: results.values('shortcuts', f'{clips}_{row}', test, key)
                    for test in ('still', 'coarse', 'wraps')
                }
                plain = {
                    seed: value
                    for seed, value in results.values(clips, row, 'vspp', key).items()
                    if seed in changed['still']
                }
                chance = results.values('shortcuts', f'{clips}_{row}', 'still', key.replace('acc', 'chance'))
                levels = [interval(list(values.values())).text() for values in (plain, changed['still'], chance)]
                moved = [paired(changed[test], plain).text(signed=True) for test in ('coarse', 'wraps')]
                made.append([title, name, task, *levels, *moved])
    head = ['clips', 'pretraining', 'task', 'as trained', 'still', 'best constant answer', 're-encoded', 'wrapping']
    return markdown(head, made)


def regression(results: Results) -> str:
    """The small run that tests repeat: k-NN by seed."""
    rows = []
    for row, title in (('chain', 'auxSKD, then VSPP on whole clips'), ('scratch', 'random weights')):
        values = results.values('regression', row, 'frozen', 'knn/0')
        rows.append(
            [title, *(f'{100 * values[seed]:.1f}' for seed in sorted(values)), interval(list(values.values())).text()]
        )
    seeds = sorted(results.values('regression', 'chain', 'frozen', 'knn/0'))
    return markdown(['k-NN', *(f'seed {seed}' for seed in seeds), 'mean'], rows)


SECTIONS: dict[str, Callable[[Results], str]] = dict(
    motion=motion_main,
    paired=motion_paired,
    pretext=motion_pretext,
    real=real_main,
    shortcuts=shortcuts,
    regression=regression,
)
