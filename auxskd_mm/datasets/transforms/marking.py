"""Writing constants into a sample."""

from __future__ import annotations

from typing import Any

from mmcv.transforms import BaseTransform

from ...registry import TRANSFORMS


@TRANSFORMS.register_module()
class MarkSample(BaseTransform):
    """Write constants into every sample: ``dict(type='auxskd_mm.MarkSample', split='gallery')``.

    The constants distinguish samples of several data sets behind one loader. The packer must name the keys in its
    ``meta_keys`` or ``algorithm_keys``.

    Args:
        fields: Mapping from keys to their constants.
    """

    def __init__(self, **fields: object) -> None:
        self.fields = fields

    def transform(self, results: dict[str, Any]) -> dict[str, Any]:
        """Write the constants, over earlier values of their keys."""
        results.update(self.fields)
        return results

    def describe(self) -> None:
        """The step changes no clip."""

    def __repr__(self) -> str:
        return f'{type(self).__name__}({", ".join(f"{key}={value!r}" for key, value in self.fields.items())})'
