"""Labels and predictions of a test, kept in a file."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from mmengine.evaluator import BaseMetric

from ..errors import InputError
from ..records.predictions import plain_sample, write_predictions
from ..registry import METRICS


@METRICS.register_module()
class DumpPredictions(BaseMetric):
    """Writes the file of ``tools/test.py --dump``. It measures nothing. It replaces MMEngine's pickle ``DumpResults``.

    Args:
        out_file_path: JSON file; see :mod:`auxskd_mm.records.predictions`.
        collect_device: See MMEngine's ``BaseMetric``.

    Raises:
        InputError: If the name does not end in .json.
    """

    def __init__(self, out_file_path: str, collect_device: str = 'cpu') -> None:
        super().__init__(collect_device)
        if not str(out_file_path).endswith('.json'):
            raise InputError(f'DumpPredictions.out_file_path={str(out_file_path)!r}: expected a .json file')
        self.out_file_path = out_file_path

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Keep labels and predictions of one batch."""
        self.results += [plain_sample(sample) for sample in data_samples]

    def compute_metrics(self, results: list) -> dict[str, Any]:
        """Write the file. The result has no numbers."""
        write_predictions(self.out_file_path, results)
        return {}
