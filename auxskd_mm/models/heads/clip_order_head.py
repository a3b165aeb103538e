"""The head of VCOP: it predicts the order of the clips of a tuple."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import InputError, check_least
from ...functional.order_tuples import MAX_TUPLE_LEN, MIN_TUPLE_LEN
from ...functional.tasks import Task, order_names
from ...registry import MODELS
from .labels import batch_labels
from .pooled_head import PooledHead

if TYPE_CHECKING:
    from ...typing import Features


@MODELS.register_module()
class ClipOrderHead(PooledHead):
    """Clip order prediction from pairs of clips.

    The head works as ``cls_head`` of MMAction2's ``Recognizer3D``, which runs the backbone once over all clips of the
    batch. The pooled features of a tuple's clips are f_0 .. f_{N-1}, in the order in which the network gets them::

        f_i, f_j (i < j) -- concat -- Linear(2C, hidden) -- ReLU --+
        (0,1), (0,2), .., (N-2,N-1): the same layer for each pair  +-- concat -- dropout -- Linear(pairs * hidden, N!)

    Args:
        in_channels: Channels C of the backbone's feature.
        tuple_len: Clips N per tuple, 2 to 5. There are N! classes, see :func:`clip_orders`.
        hidden_channels: Width of the feature of a pair.
        dropout: Dropout on the concatenated features of the pairs.
        token_pool: See :func:`pool_features`. It has an effect on transformers only.
        init_cfg: MMEngine initialisation. None keeps PyTorch's.

    Raises:
        InputError: If a size is out of its range.

    Example:
        >>> import torch
        >>> from auxskd_mm.models.heads import ClipOrderHead
        >>> head = ClipOrderHead(in_channels=8, tuple_len=3)
        >>> feats = torch.zeros(2 * 3, 8, 1, 2, 2)  # a backbone's map of two tuples of three clips
        >>> head(feats).shape  # 3! = 6 orders
        torch.Size([2, 6])

    Source: xudejing/video-clip-order-prediction @ 7a1710d, ``VCOPN`` (layers ``fc7`` and ``fc8``).
    """

    method = 'VCOP'
    summary = 'VCOP: in which order the clips of a tuple are'

    def __init__(
        self,
        in_channels: int,
        tuple_len: int = 3,
        hidden_channels: int = 512,
        dropout: float = 0.5,
        token_pool: str = 'auto',
        init_cfg: dict | list | None = None,
    ) -> None:
        super().__init__(in_channels, token_pool, init_cfg)
        check_least('ClipOrderHead', hidden_channels=hidden_channels)
        if tuple_len not in range(MIN_TUPLE_LEN, MAX_TUPLE_LEN + 1):
            raise InputError(f'ClipOrderHead.tuple_len={tuple_len}: expected {MIN_TUPLE_LEN} to {MAX_TUPLE_LEN} clips')
        self.tuple_len = tuple_len
        names = order_names(tuple_len)
        self.tasks = (Task('order', names, clips=tuple_len, about='the order of shuffled clips'),)
        first, second = zip(*itertools.combinations(range(tuple_len), 2))
        self.register_buffer('first', torch.tensor(first), persistent=False)
        self.register_buffer('second', torch.tensor(second), persistent=False)
        self.fc_pair = nn.Linear(2 * in_channels, hidden_channels)
        self.dropout = nn.Dropout(dropout)
        self.fc_order = nn.Linear(len(first) * hidden_channels, math.factorial(tuple_len))

    def forward(self, feats: Features, **kwargs: object) -> Tensor:
        """Logits of the orders.

        Args:
            feats: Feature maps (B * N, C, T', H', W') of the clips of B tuples, one tuple after the other, or any other
                form that :func:`pool_features` takes.

        Returns:
            (B, N!). The classes are in lexicographic order of the permutations.

        Raises:
            InputError: If N does not divide the number of clips, or the backbone yields several feature maps or another
                width.
        """
        pooled = self.pool(feats)  # (B * N, C)
        if pooled.shape[0] % self.tuple_len:  # len() would fix the batch size of an export
            raise InputError(
                f'{len(pooled)} clips do not divide into tuples of model.cls_head.tuple_len={self.tuple_len}: give '
                'ClipOrderSample the same tuple_len'
            )
        clips = pooled.unflatten(0, (-1, self.tuple_len))  # (B, N, C)
        pairs = torch.cat([clips[:, self.first], clips[:, self.second]], dim=2)  # (B, pairs, 2C)
        hidden = F.relu(self.fc_pair(pairs)).flatten(1)  # (B, pairs * hidden)
        return self.fc_order(self.dropout(hidden))  # (B, N!)

    def loss(self, feats: Features, data_samples: Sequence[Any], **kwargs: object) -> dict[str, Tensor]:
        """Cross-entropy over the orders (``loss_order``), and the accuracy of the batch (``order_acc``). Logits
        are (B, N!), and each of the B samples has ``order_label`` int64 (1,).
        """
        logits = self(feats)  # (B, N!)
        order = batch_labels(data_samples, 'order_label', logits.device, *logits.shape)  # (B,)
        return dict(
            loss_order=F.cross_entropy(logits, order),
            order_acc=(logits.detach().argmax(1) == order).float().mean(),
        )
