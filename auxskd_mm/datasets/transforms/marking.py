"""Writing constants into a sample."""

from __future__ import annotations

from typing import Any

from mmcv.transforms import BaseTransform

from ...registry import TRANSFORMS


@TRANSFORMS.register_module()
class MarkSample(BaseTransform):
    """Write constants into every sample: ``dict(type='auxskd_mm.MarkSample', split='gallery')``.

    So that samples of several data sets can be told apart behind one loader; the packer must name the keys among its
    ``meta_keys`` or ``algorithm_keys``.

    Args:
        fields: Keys and what to write there.
    """

    def __init__(self, **fields: object) -> None:
        self.fields = fields

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Write the constants over whatever was there."""
        results.update(self.fields)
        return results

    def __repr__(self) -> str:
        return f'{type(self).__name__}({", ".join(f"{key}={value!r}" for key, value in self.fields.items())})'
