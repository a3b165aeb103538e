"""Base of the metrics that compare the features of query videos with those of a gallery."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

from mmengine.device import get_device
from mmengine.evaluator import BaseMetric
from mmengine.logging import print_log

from ..choices import POOLINGS
from ..datasets.gallery_query import GalleryQueryDataset
from ..errors import InputError
from .feature_bank import FeatureBank, check_comparable
from .feature_extraction import ClipFeatures, clip_features, make_bank

SPLITS = GalleryQueryDataset.SPLITS


class FeatureMetric(BaseMetric):
    """Collect features by split, check them, and measure.

    The metric takes samples with ``feature`` (V, D) of ``ClipFeatureHead`` or of a pretext model, ``split`` ('gallery'
    or 'query', written by ``GalleryQueryDataset``), ``filename`` and ``gt_label``. A video's feature is the mean over
    its V clips. A video that could not be read is left out. A subclass writes :meth:`measure`, and
    says in ``measures`` what it measures.

    Args:
        save_to: Folder for ``gallery.npz`` and ``query.npz``, so that other measurements need no second extraction.
        device: Device of the computation. None takes the accelerator if there is one.
        kwargs: See MMEngine's ``BaseMetric``.
    """

    # What the record of a number says of it; see :mod:`auxskd_mm.records.measured`.
    measures: ClassVar[str] = 'frozen features'
    frozen: ClassVar[bool] = True
    takes_lists: ClassVar[bool] = False

    def __init__(self, save_to: str | None = None, device: str | None = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.save_to = save_to
        self.device = device or get_device()

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Keep the features of one batch.

        Raises:
            InputError: If a sample has no feature, or is of no split 'gallery' or 'query'.
        """
        for sample in data_samples:
            if 'feature' not in sample:
                raise InputError(
                    f'{type(self).__name__}: samples without features; set model.cls_head to '
                    "type='auxskd_mm.ClipFeatureHead'"
                )
            split = sample.get('split')
            if split not in SPLITS:
                raise InputError(
                    f"{type(self).__name__}: a sample of split {split!r}, expected 'gallery' or 'query': use the data "
                    "set type='auxskd_mm.GalleryQueryDataset'"
                )
            pooling, widths = sample.get('feature_pooling', 'average'), sample.get('feature_widths', ())
            row = clip_features(sample, sample['feature'], pooling, widths)
            if row is not None:
                self.results.append((split, *row))  # flat: MMEngine's way to the CPU forgets named tuples

    def compute_metrics(self, results: list[tuple]) -> dict[str, Any]:
        """The results of :meth:`measure`, and ``protocol``: the origin of the features and the number of videos."""
        gallery, queries = (
            make_bank([ClipFeatures(*row) for split, *row in results if split == name]) for name in SPLITS
        )
        check_comparable(gallery, queries)
        if self.save_to is not None:
            for name, bank in zip(SPLITS, (gallery, queries)):
                print_log(f'features written to {bank.save(Path(self.save_to, f"{name}.npz"))}', logger='current')
        return {**self.measure(gallery, queries), 'protocol': describe(gallery, queries)}

    def measure(self, gallery: FeatureBank, queries: FeatureBank) -> dict[str, Any]:
        """Results of a comparison."""
        raise NotImplementedError


def describe(gallery: FeatureBank, queries: FeatureBank) -> str:
    """One line on how the features of a comparison were made."""
    pooling, clips = gallery.protocol.get('pooling', '?'), gallery.protocol.get('clips', '?')
    return (
        f'{pooling}: {POOLINGS.get(pooling, "unknown pooling")}, {gallery.features.shape[1]}-d, '
        f'mean over {clips} clip(s); gallery {len(gallery)}, queries {len(queries)} videos'
    )
