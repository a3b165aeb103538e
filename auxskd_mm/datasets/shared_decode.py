"""One decoding pass for several samples of a video."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .transforms.decoding import DecodeClips

if TYPE_CHECKING:
    from ..typing import Results


class SharedDecode:
    """A pipeline that is split at its :class:`DecodeClips`, where the samples of a group are decoded together.

    Args:
        transforms: The pipeline.
    """

    def __init__(self, transforms: Sequence[Callable]) -> None:
        places = [i for i, transform in enumerate(transforms) if isinstance(transform, DecodeClips)]
        at = places[0] if len(places) == 1 else None
        self._decode: Any = None if at is None else transforms[at]
        self._before, self._after = ([], []) if at is None else (list(transforms[:at]), list(transforms[at + 1 :]))

    def __call__(self, infos: Sequence[dict[str, Any]]) -> list[Any] | None:
        """Run the samples of one video, each with its own draws.

        Args:
            infos: Initial dict of each sample. The transforms write into it.

        Returns:
            The samples. None if a transform drops one or the pipeline decodes in another way; the caller then reads
            each sample alone.

        Raises:
            VideoReadError: If the video cannot be read.
        """
        if self._decode is None:
            return None
        group: list[dict[str, Any]] = []
        reader = None
        for info in infos:
            if reader is not None:
                info['video_reader'] = reader
            results = _run(self._before, info)
            if results is None or 'video_reader' not in results:
                return None
            reader = results['video_reader']
            group.append(results)
        samples = [_run(self._after, results) for results in self._decode.decode(group)]
        return None if any(sample is None for sample in samples) else samples


def _run(transforms: Sequence[Callable], results: Results | None) -> Any:
    for transform in transforms:
        if results is None:
            break
        results = transform(results)
    return results
