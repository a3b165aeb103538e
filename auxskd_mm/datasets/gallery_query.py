"""One data set of two splits: a gallery and the queries that are compared with it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mmengine.dataset import ConcatDataset

from ..errors import InputError
from ..registry import DATASETS


@DATASETS.register_module()
class GalleryQueryDataset(ConcatDataset):
    """Gallery samples, then query samples, each with ``split`` ('gallery' or 'query') in its data sample.

    With it, retrieval, k-NN and probes run in one test loop, and their metrics can tell gallery from queries.

    Args:
        common: Settings that both data sets share: type, pipeline, ``data_root`` ...
        gallery: Settings of the gallery only, for instance its ``ann_file`` (the training split).
        query: Settings of the queries only (the test split).
        lazy_init: See MMEngine's ``BaseDataset``.

    Raises:
        InputError: If a sample is not packed by ``PackActionInputs``.
    """

    SPLITS = ('gallery', 'query')

    def __init__(
        self, common: Mapping[str, Any], gallery: Mapping[str, Any], query: Mapping[str, Any], lazy_init: bool = False
    ) -> None:
        datasets = [DATASETS.build({**common, **own}) for own in (gallery, query)]
        super().__init__(datasets, lazy_init=lazy_init, ignore_keys=list(datasets[0].metainfo))

    def __getitem__(self, idx: int) -> Any:
        which, number = self._get_ori_dataset_idx(idx)
        data = self.datasets[which][number]
        if not isinstance(data, dict) or 'data_samples' not in data:
            raise InputError(
                'GalleryQueryDataset: samples without data_samples; end the pipeline with PackActionInputs'
            )
        data['data_samples'].set_metainfo(dict(split=self.SPLITS[which]))
        return data
