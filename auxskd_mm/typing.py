"""Names of types that several modules share; import them under ``if TYPE_CHECKING:`` only."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any, Optional, Union

import numpy as np
import torch
from mmengine.config import Config
from mmengine.model import BaseDataPreprocessor, BaseModel
from torch import Tensor, nn

# A config or a part of it; MMEngine's Config is no Mapping, although it reads like one.
ConfigLike = Union[Config, Mapping[str, Any]]
# What a backbone yields for a batch: see models.modules.pooling.pool_features for the shapes.
Features = Union[Tensor, list, tuple]
# What a transform takes and gives: 'imgs', 'frame_inds', labels and so on.
Results = dict[str, Any]
# A collated batch as MMEngine's hooks get it.
DataBatch = Optional[Union[dict, tuple, list]]
Device = Union[torch.device, str, None]
# A path, a folder, a glob, a webcam's number, an address, frames (T, H, W, C), or a sequence of these.
VideoInput = Union[str, os.PathLike, int, np.ndarray, Sequence[Any]]


class VideoModel(BaseModel):
    """Parts that the recognizers and the pretext models have; ``nn.Module`` would give each as ``Tensor | Module``."""

    backbone: nn.Module
    neck: nn.Module
    cls_head: nn.Module
    data_preprocessor: BaseDataPreprocessor
    # Of models that apis.init_model built.
    cfg: Config
    checkpoint: str | None

    def __getattr__(self, name: str) -> Any:  # parts that only some have: the caller asks with hasattr
        return super().__getattr__(name)
