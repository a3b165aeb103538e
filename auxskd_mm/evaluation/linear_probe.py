"""A linear classifier on cached features. It takes minutes; the end-to-end run with a frozen backbone takes hours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InputError
from ..functional.group_division import divide_groups
from .scores import units_of

SOLVERS = ('lbfgs', 'sgd')


class NoValidationPart(InputError):
    """No video or group can be held out to choose the settings of a probe."""


def varies(mean: Any, std: Any) -> Any:
    """Which features vary, bool (D,). One that is constant but for rounding must not be blown up to the size of the others.

    Args:
        mean: Means of the features, a tensor or an array (D,).
        std: Their standard deviations, of the same kind.
    """
    return (std > 1e-6 * abs(mean)) & (std > 1e-12)


class ProbeSettings(NamedTuple):
    """How a probe is trained.

    Attributes:
        solver: 'lbfgs' to convergence, or 'sgd' (momentum 0.9, cosine schedule) as in an end-to-end run.
        weight_decay: w in the loss mean(CE) + w / 2 * ||W||^2. Biases have no weight decay. scikit-learn's C is 1 / (w
            * N).
        learning_rate: Initial learning rate of 'sgd'.
        epochs: Epochs of 'sgd'.
        batch_size: Batch size of 'sgd'.
    """

    solver: str = 'lbfgs'
    weight_decay: float = 1e-4
    learning_rate: float = 0.1
    epochs: int = 100
    batch_size: int = 256


class LinearProbe(NamedTuple):
    """A trained classifier, scores = (x - mean) / std @ weight + bias.

    Attributes:
        weight: Weights (D, C).
        bias: Biases (C,).
        mean: Mean of the training features (D,).
        std: Standard deviation of the training features (D,), 1 where they do not vary.
        settings: The settings of the training.
    """

    weight: Tensor
    bias: Tensor
    mean: Tensor
    std: Tensor
    settings: ProbeSettings

    def scores(self, features: np.ndarray | Tensor) -> Tensor:
        """Logits (N, C) of features (N, D).

        Raises:
            InputError: If the features have another number of dimensions D.
        """
        x = _tensor(features, self.weight.device)
        if x.shape[1] != len(self.mean):
            raise InputError(f'linear probe: features of width {x.shape[1]}, trained on {len(self.mean)}')
        return (x - self.mean) / self.std @ self.weight + self.bias

    def as_linear(self) -> tuple[Tensor, Tensor]:
        """Weight (C, D) and bias (C,) of a linear layer that gives the same scores, without the scaling of features."""
        weight = (self.weight / self.std[:, None]).T.contiguous()
        return weight, self.bias - weight @ self.mean

    def accuracy(self, features: np.ndarray | Tensor, labels: np.ndarray | Tensor) -> float:
        """Top-1 accuracy in [0, 1] on features (N, D) and labels int (N,)."""
        hits = self.scores(features).argmax(1).cpu() == torch.as_tensor(labels).cpu()
        return float(hits.double().mean())


def fit_probe(
    features: np.ndarray | Tensor,
    labels: np.ndarray | Tensor,
    settings: ProbeSettings | None = None,
    *,
    num_classes: int | None = None,
    standardize: bool = True,
    seed: int = 0,
    device: str | torch.device | None = None,
) -> LinearProbe:
    """Train a linear classifier.

    Args:
        features: (N, D), float32 or float64. The probe computes in the same type.
        labels: Classes int (N,), from 0.
        settings: Settings of the training. None takes the defaults.
        num_classes: Number of classes C. None takes the largest label + 1.
        standardize: Scale every feature to mean 0 and variance 1 first. One weight decay then suits any backbone.
        seed: Seed of the batches of 'sgd'.
        device: Device of the training. None takes the device of the features.

    Raises:
        InputError: For an unknown solver, features and labels that do not match, or a single class.
    """
    settings = settings or ProbeSettings()
    if settings.solver not in SOLVERS:
        raise InputError(f"linear probe: solver='{settings.solver}', expected 'lbfgs' or 'sgd'")
    x = _tensor(features, device)
    y = torch.as_tensor(labels).to(x.device).long()
    if x.ndim != 2 or len(x) != len(y) or len(x) == 0:
        raise InputError(f'linear probe: features {tuple(x.shape)} and {len(y)} labels, expected (N, D) and N')
    if len(y.unique()) < 2 or int(y.min()) < 0:
        raise InputError(f'linear probe: labels {y.unique()[:3].tolist()}, expected at least two classes from 0 on')
    mean, std = torch.zeros_like(x[0]), torch.ones_like(x[0])
    if standardize:
        mean, std = x.mean(0), x.std(0, unbiased=False)
        std = torch.where(varies(mean, std), std, torch.ones_like(std))
    x = (x - mean) / std
    classes = num_classes or int(y.max()) + 1
    weight = torch.zeros(x.shape[1], classes, dtype=x.dtype, device=x.device, requires_grad=True)
    bias = torch.zeros(classes, dtype=x.dtype, device=x.device, requires_grad=True)
    solve = _lbfgs if settings.solver == 'lbfgs' else _sgd
    with torch.enable_grad():
        solve(x, y, weight, bias, settings, seed)
    return LinearProbe(weight.detach(), bias.detach(), mean, std, settings)


def sweep_probe(
    features: np.ndarray | Tensor,
    labels: np.ndarray | Tensor,
    candidates: Sequence[ProbeSettings] = (),
    *,
    val_share: float = 0.2,
    groups: Sequence[Any] | None = None,
    seed: int = 0,
    **kwargs: Any,
) -> tuple[LinearProbe, list[dict[str, Any]]]:
    """Choose the settings on a validation part of the training features, then train on all of them.

    Args:
        features: (N, D).
        labels: Classes int (N,).
        candidates: Settings to try. An empty sequence tries L-BFGS with weight decays from 1e-6 to 1.
        val_share: Share of the videos for validation.
        groups: Scene, person or recording of each video, N hashable values. Whole groups are then held out.
        seed: Seed of the choice of the held-out videos.
        kwargs: Further arguments of :func:`fit_probe`.

    Returns:
        The probe, and one row per candidate with its settings and ``val_acc``. The first of equal candidates wins.

    Raises:
        InputError: See :func:`fit_probe` and :func:`validation_mask`.
    """
    candidates = list(candidates) or [ProbeSettings(weight_decay=10.0**power) for power in range(-6, 1)]
    x, y = _tensor(features, kwargs.get('device')), torch.as_tensor(labels)
    held = torch.from_numpy(validation_mask(y.cpu().numpy(), val_share, groups, seed))
    kwargs = dict(kwargs, seed=seed, num_classes=kwargs.get('num_classes') or int(y.max()) + 1)
    rows = []
    for settings in candidates:
        probe = fit_probe(x[~held], y[~held], settings, **kwargs)
        rows.append(dict(**settings._asdict(), val_acc=probe.accuracy(x[held], y[held])))
    best = max(range(len(rows)), key=lambda i: rows[i]['val_acc'])
    return fit_probe(x, y, candidates[best], **kwargs), rows


def validation_mask(labels: np.ndarray, share: float, groups: Sequence[Any] | None = None, seed: int = 0) -> np.ndarray:
    """Choose the videos to hold out: a share of each class, or whole groups.

    Every class keeps at least one video (or group) for training. A class with a single one loses none.

    Args:
        labels: Classes int (N,).
        share: Share to hold out, in (0, 1).
        groups: Group of each video, N hashable values, or None.
        seed: Seed of the choice.

    Returns:
        Bool (N,), True where held out.

    Raises:
        NoValidationPart: If nothing can be held out.
        InputError: If the share is out of range.
    """
    if not 0 < share < 1:
        raise InputError(f'linear probe: val_share={share}, expected a share in (0, 1)')
    rng = np.random.default_rng(seed)
    units = units_of(len(labels), groups)
    held: np.ndarray = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        own = units[labels == label]
        # A group may hold several classes: what another class held out counts here as well.
        free = np.setdiff1d(own, units[held])
        wanted = share * len(own) - held[labels == label].sum()
        for unit in rng.permutation(free)[:-1]:
            if wanted < 0.5:
                break
            held |= units == unit
            wanted -= (own == unit).sum()
    kept = set(labels[~held].tolist())
    lost = sorted(set(labels.tolist()) - kept)
    if lost:
        # Groups of several classes took a class away: look for a division that has every class on both sides.
        classes, numbers = np.unique(labels, return_inverse=True)
        names = [str(label) for label in classes]
        try:
            return divide_groups(numbers, units, [1 - share, share], seed, names) == 1
        except InputError as error:
            raise NoValidationPart(f'linear probe, validation part of the training list: {error}') from None
    if not held.any():
        most = max(len(np.unique(units[labels == label])) for label in np.unique(labels))
        why = (
            'every class has one video or group, none can be held out to choose settings'
            if most == 1
            else f'val_share={share:g} is less than half a video of each class with several videos or groups, so that none '
            'can be held out to choose settings; raise it'
        )
        raise NoValidationPart(f'linear probe: {why}')
    return held


def _lbfgs(x: Tensor, y: Tensor, weight: Tensor, bias: Tensor, settings: ProbeSettings, seed: int) -> None:
    # The loss is of the order of 1, so a float32 run has converged once it changes by less than float32 resolves.
    least = 1e-7 if x.dtype == torch.float32 else 1e-13
    optimizer = torch.optim.LBFGS(
        [weight, bias],
        max_iter=1000,
        history_size=20,
        tolerance_grad=1e-9,
        tolerance_change=least,
        line_search_fn='strong_wolfe',
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(x @ weight + bias, y) + settings.weight_decay / 2 * weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)


def _sgd(x: Tensor, y: Tensor, weight: Tensor, bias: Tensor, settings: ProbeSettings, seed: int) -> None:
    groups = [dict(params=[weight], weight_decay=settings.weight_decay), dict(params=[bias], weight_decay=0.0)]
    optimizer = torch.optim.SGD(groups, lr=settings.learning_rate, momentum=0.9)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, settings.epochs)
    generator = torch.Generator().manual_seed(seed)
    for _ in range(settings.epochs):
        for batch in torch.randperm(len(x), generator=generator).split(settings.batch_size):
            batch = batch.to(x.device)
            optimizer.zero_grad()
            F.cross_entropy(x[batch] @ weight + bias, y[batch]).backward()
            optimizer.step()
        schedule.step()


def _tensor(features: np.ndarray | Tensor, device: str | torch.device | None) -> Tensor:
    x = torch.as_tensor(features)
    finite = x.isfinite().flatten(1).all(1) if x.ndim > 1 else x.isfinite()
    if not bool(finite.all()):
        row = int((~finite).nonzero()[0, 0])
        raise InputError(f'linear probe: the feature in row {row} is NaN or infinite; check the weights of the network')
    return x.to(device or x.device, torch.float64 if x.dtype == torch.float64 else torch.float32)
