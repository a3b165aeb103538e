"""Reading frames by number through torchcodec on NVIDIA's decoder (NVDEC)."""

from __future__ import annotations

from .torchcodec import TorchCodecReader


class NvdecReader(TorchCodecReader):
    """:class:`TorchCodecReader` that decodes on the GPU and copies the frames to main memory.

    The colours are converted on the GPU, so they differ from PyAV's by a few grey levels. torchcodec itself decodes on the
    CPU what the GPU cannot. In a worker of a data loader it needs ``multiprocessing_context='spawn'``, since a forked
    process has no CUDA.
    """

    device = 'cuda'

    @classmethod
    def missing(cls) -> str:
        """See :class:`Reader`."""
        import torch

        if not torch.cuda.is_available():
            return "there is no CUDA device; use 'torchcodec' for decoding on the CPU"
        if torch.cuda._is_in_bad_fork():
            return (
                "a forked process has no CUDA; set multiprocessing_context='spawn' or num_workers=0 in the data loader"
            )
        return super().missing()


READER = NvdecReader
