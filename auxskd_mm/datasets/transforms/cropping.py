"""Random crops of whole clips, drawn as the original loaders draw them."""

from __future__ import annotations

import numpy as np
from mmaction.datasets.transforms import RandomCrop, RandomResizedCrop

from ...errors import InputError
from ...registry import TRANSFORMS


# RandomResizedCrop asks a method for its box and does the book-keeping of all kinds of crops; RandomCrop draws inside it.
@TRANSFORMS.register_module()
class ClipRandomCrop(RandomResizedCrop):
    """MMAction2's ``RandomCrop`` with every offset possible.

    Rows are uniform over 0 .. height - size and columns over 0 .. width - size, both ends included. MMAction2 never
    draws the last offset. One draw serves all frames of a call: the clips of a sample share it. Inside :class:`PerView`
    each view has its own draw. Keys and options are those of ``RandomCrop``. The transform draws from NumPy's global
    generator, which MMEngine seeds in every worker.

    Args:
        size: Height and width of the crop.
        lazy: See ``RandomCrop``.

    Raises:
        InputError: If the size is below 1, or the frames are smaller than the crop.

    Source: the loaders of laura-wang/video-pace @ cc1e561 and Plrbear/auxSKD @ 79e99b8, and torchvision's ``RandomCrop``,
    which xudejing/video-clip-order-prediction @ 7a1710d uses.
    """

    def __init__(self, size: int, lazy: bool = False) -> None:
        RandomCrop.__init__(self, size, lazy)
        if size < 1:
            raise InputError(f'ClipRandomCrop.size={size}: expected at least 1 pixel')
        self.area_range = self.aspect_ratio_range = (1.0, 1.0)

    def get_crop_bbox(  # type: ignore[override]  # a method here; the base class asks it by position
        self, img_shape: tuple[int, int], *args: object
    ) -> tuple[int, int, int, int]:
        """Box (left, top, right, bottom) in frames of size (height, width). The other arguments are not used."""
        height, width = img_shape
        if self.size > min(height, width):
            raise InputError(
                f'ClipRandomCrop.size={self.size} does not fit frames of {height} x {width} (height x width); put a '
                'larger Resize before it'
            )
        top, left = (int(np.random.randint(0, side - self.size + 1)) for side in (height, width))
        return left, top, left + self.size, top + self.size

    def __repr__(self) -> str:
        return f'{type(self).__name__}(size={self.size}, lazy={self.lazy})'
