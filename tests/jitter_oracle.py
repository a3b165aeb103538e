"""The slow second way for colour work: torchvision's float operations, one frame and one operation at a time."""

from __future__ import annotations

import numpy as np
import torch
from torchvision.transforms import functional as F

ADJUST = (F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue)


def torchvision_jitter(frame: np.ndarray, order, factors, hue: float, max_value: float = 255.0) -> np.ndarray:
    """One frame (H, W, 3) in [0, max_value] through ``adjust_*`` as a float64 tensor in [0, 1]; back in its unit."""
    image = torch.from_numpy(np.array(frame, dtype=np.float64)).permute(2, 0, 1) / max_value
    for operation in order:
        image = ADJUST[operation](image, float([*factors, hue][operation]))
    return (image * max_value).permute(1, 2, 0).numpy()


def jitter_all(frames, params, max_value: float = 255.0) -> np.ndarray:
    """Float64 (N, H, W, 3): every frame with its own parameters, or as it was where it is not to be jittered."""
    params = params.arrays()
    return np.stack(
        [
            torchvision_jitter(frame, params.order[i], params.factors[i], params.hue[i], max_value)
            if params.apply[i]
            else np.asarray(frame, np.float64)
            for i, frame in enumerate(frames)
        ]
    )


def colourful_frames(count: int, height: int = 13, width: int = 10, seed: int = 0) -> np.ndarray:
    """uint8 (count, height, width, 3): noise, a smooth ramp and flat black, white, grey and pure colours in turn."""
    rng = np.random.RandomState(seed)
    frames = rng.randint(0, 256, (count, height, width, 3), dtype=np.uint8)
    ramp = np.linspace(0, 255, height * width).reshape(height, width)
    frames[1::3] = np.stack([ramp, ramp[::-1], np.full_like(ramp, 90)], -1).round().astype(np.uint8)
    flat = [(0, 0, 0), (255, 255, 255), (128, 128, 128), (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)]
    for i, colour in zip(range(2, count, 3), flat * count):
        frames[i] = colour
    return frames
