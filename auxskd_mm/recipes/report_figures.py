"""The pictures of a recipe's report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ..errors import InputError
from ..evaluation.feature_bank import FeatureBank
from ..records.scalars import read_scalars
from ..visualization.confusion import confusion_matrix, draw_confusion
from ..visualization.curves import plot_curves
from ..visualization.embedding import draw_embeddings, project
from ..visualization.plain_text import figure_text
from ..visualization.retrieval_examples import EXAMPLES, NEIGHBOURS, choose_queries, find_examples
from ..visualization.retrieval_sheet import Example, draw_retrieval_sheet
from .execute import FEATURES, read_classified
from .plan import Plan, Step
from .write_report import Figure

States = Sequence[tuple[Step, Mapping[str, Any]]]
_MOST_POINTS = 1000  # of an embedding plot; t-SNE of more takes minutes
_MOST_ROWS = 4  # initial weights shown beside each other


def draw_figures(plan: Plan, states: States, names: Sequence[str], folder: Path) -> dict[str, list[Figure]]:
    """Draw every figure that has data. With several runs, curves and examples show the first run.

    Args:
        plan: Plan of the recipe.
        states: Steps with their states.
        names: Names of the classes.
        folder: Folder of the report.

    Returns:
        Figures by heading.
    """
    first = [step for step, _ in states if step.run == plan.runs[0]]
    return {
        'Confusion': confusion_figures(plan, states, names, folder),
        'Retrieval': retrieval_figures(first, names, folder),
        'Embedding': embedding_figures(first, names, folder),
        'Training': curve_figures(plan, first, folder),
    }


def _run_text(step: Step) -> str:
    return f' of the run {step.run.name}' if step.run.name else ''


def curve_figures(plan: Plan, steps: Sequence[Step], folder: Path) -> list[Figure]:
    """Draw the curves of every phase, and of each evaluation with a training, with its rows side by side."""
    groups: list[tuple[str, dict[str, str | Path], Step]] = []
    for step in steps:
        if step.trains and step.row is None:
            groups.append((step.kind, {step.kind: step.folder}, step))
    for evaluation in plan.evaluations:
        own = [step for step in steps if step.evaluation is evaluation and step.row is not None]
        if evaluation.trains and own:
            runs: dict[str, str | Path] = {figure_text(step.row.title): step.folder for step in own if step.row}
            groups.append((evaluation.name, runs, own[0]))
    figures = []
    for name, runs, step in groups:
        path = folder / f'curves_{name}.png'
        try:
            plot_curves(runs, _panels(runs), path)
        except InputError:
            continue  # a training that logged nothing
        caption = f'{name}{_run_text(step)}: what the training logged, over its steps.'
        figures.append(Figure(path, f'training curves of {name}', caption))
    return figures


def _panels(runs: Mapping[str, str | Path]) -> list[list[str]]:
    keys = sorted({key for run in runs.values() for key in read_scalars(run)})
    losses = [key for key in keys if key.split('/')[-1].startswith('loss')]
    parts = [key for key in losses if key != 'loss']
    accuracies = [key for key in keys if key.endswith('_acc') and not key.startswith('top5')]
    # The sum of a single part adds nothing; with several rows there is room for one curve each.
    shown = parts if parts and len(runs) == 1 else ['loss'] if 'loss' in losses else losses
    return [panel for panel in (shown, accuracies) if panel]


def confusion_figures(plan: Plan, states: States, names: Sequence[str], folder: Path) -> list[Figure]:
    """Draw one confusion matrix per row of weights for every classifying evaluation. Counts are summed over the runs."""
    figures = []
    for evaluation in plan.evaluations:
        tables: dict[str, np.ndarray] = {}
        for step, _ in states:
            content = read_classified(step)
            if step.evaluation is not evaluation or step.row is None or content is None:
                continue
            table = confusion_matrix(content['labels'], content['predictions'], len(names))
            title = step.row.title
            tables[title] = tables[title] + table if title in tables else table
        if tables:
            shown = dict(list(tables.items())[:_MOST_ROWS])
            path = draw_confusion(shown, names, folder / f'confusion_{evaluation.name}.png')
            over = f', added over {len(plan.runs)} runs' if len(plan.runs) > 1 else ''
            kind = '' if evaluation.trains else ', by the linear probe'
            caption = f'{evaluation.name}{kind}: test videos by true and predicted class{over}.'
            figures.append(Figure(path, f'confusion matrices of {evaluation.name}', caption))
    return figures


def _feature_steps(steps: Sequence[Step]) -> list[Step]:
    """Return the steps of the first evaluation with kept features, one step per row of weights."""
    kept = [step for step in steps if step.row is not None and (step.folder / FEATURES / 'query.npz').is_file()]
    return [step for step in kept if step.evaluation is kept[0].evaluation][:_MOST_ROWS]


def retrieval_figures(steps: Sequence[Step], names: Sequence[str], folder: Path) -> list[Figure]:
    """Nearest gallery videos of the same few queries for every row of weights."""
    figures = []
    for step in _feature_steps(steps):
        gallery, query = (FeatureBank.load(step.folder / FEATURES / f'{name}.npz') for name in ('gallery', 'query'))
        rows = choose_queries(query.labels.tolist(), EXAMPLES)
        examples = find_examples(gallery, query, rows, names)
        title = step.row.title if step.row else step.label
        path = folder / f'retrieval_{step.row.name if step.row else step.kind}.png'
        draw_retrieval_sheet(examples, path, f'{title}: query and its {NEIGHBOURS} nearest videos of the gallery')
        figures.append(
            Figure(
                path,
                f'retrieval examples of {title}',
                f'{title}{_run_text(step)}. Left the query (the first test video of {len(rows)} classes), then the '
                f'{NEIGHBOURS} nearest training videos by cosine, each as three frames. Blue and a check mark: the '
                'class of the query; vermilion, dashed and a cross: another.',
                [line for example in examples for line in _files(example)],
            )
        )
    return figures


def _files(example: Example) -> list[str]:
    return [f'query {example.path}', *(f'  {found.similarity:.3f} {found.path}' for found in example.found)]


def embedding_figures(steps: Sequence[Step], names: Sequence[str], folder: Path) -> list[Figure]:
    """The test videos in the plane, one panel per row of weights."""
    points: dict[str, np.ndarray] = {}
    labels: dict[str, list[int]] = {}
    for step in _feature_steps(steps):
        bank = FeatureBank.load(step.folder / FEATURES / 'query.npz')
        chosen = np.sort(np.random.default_rng(0).permutation(len(bank))[:_MOST_POINTS])
        title = step.row.title if step.row else step.label
        points[title], labels[title] = project(bank.features[chosen]), bank.labels[chosen].tolist()
    if not points:
        return []
    path = draw_embeddings(points, labels, names, folder / 'embedding.png')
    caption = (
        f'Features of the test videos{_run_text(steps[0])} by t-SNE. Neighbourhoods mean something here; distances '
        'between groups and their sizes do not.'
    )
    return [Figure(path, 'embedding of the test videos, coloured by class', caption)]
