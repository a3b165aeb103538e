"""Files of weights that the tools of the zoo write."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import torch

from ..functional.transfer import check_copied
from ..plain_data import to_plain


def weights_content(state: Mapping[str, Any], meta: Mapping[str, Any], name: str) -> bytes:
    """Content of a checkpoint file, ``dict(meta=..., state_dict=...)``, after reading it back as its users will.

    Args:
        state: State dict.
        meta: What else to keep.
        name: Name of the file for messages.

    Raises:
        InputError: If a tensor does not come back as it was.
    """
    buffer = io.BytesIO()
    torch.save(to_plain(dict(meta=dict(meta), state_dict=dict(state))), buffer)
    buffer.seek(0)
    written = torch.load(buffer, map_location='cpu', weights_only=True)
    check_copied(written['state_dict'], state, name)
    return buffer.getvalue()
