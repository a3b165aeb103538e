"""k-NN accuracy on a small labelled set during a pretraining."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from mmengine.hooks import CheckpointHook, Hook
from mmengine.runner import EpochBasedTrainLoop

from ..choices import POOLINGS
from ..config.loading.loaders import mend_loader
from ..errors import InputError, check_choice, check_least
from ..evaluation.feature_bank import FeatureBank, check_comparable
from ..evaluation.feature_extraction import extract_bank
from ..functional.neighbours import knn_accuracy
from ..random_state import untouched_random_state
from ..registry import HOOKS
from ..unwrap import unwrap, weights_of_checkpoints

if TYPE_CHECKING:
    from mmengine.runner import Runner


@HOOKS.register_module()
class KNNHook(Hook):
    """Every n epochs, classify labelled videos by their nearest neighbours in the features of the backbone.

    The labels serve the measurement only. Nothing of the labelled set enters the loss. A training with the hook takes
    exactly the same steps as one without it: modes, running statistics and random streams are restored. Every rank
    extracts its share.

    With MMEngine's ``EMAHook`` the averaged weights are measured, as in a validation: checkpoints hold those.

    The accuracy is logged as ``knn/top1``, kept in the message hub as ``val/knn/top1``, and offered to the
    ``CheckpointHook``, so that ``checkpoint=dict(save_best='knn/top1')`` keeps the best epoch. (A choice of the epoch
    by labels is no longer unsupervised. It must not use the videos of the final test.)

    Call points: ``before_train_epoch``, when the last finished epoch has its number and its regular checkpoint, and
    ``after_train`` for the last epoch. A run that is resumed in the middle of an epoch measures nothing there.

    Args:
        gallery: Config of a data loader of the labelled videos to search, with a test pipeline: uniform clips, no
            random augmentation, ``PackActionInputs(meta_keys=('filename',))``, the channel order and normalisation of
            the pretraining.
        queries: Config of a loader of the videos to classify; None classifies each video of the gallery by the others.
        interval: Epochs between two measurements. The last epoch is always measured.
        k: Number of neighbours that vote.
        temperature: See :func:`knn_votes`; None for plain votes.
        pooling: See :func:`pool_for_protocol`.
        at_start: Also measure the initial weights of the training.

    Raises:
        InputError: For settings that cannot be met, or a training loop without epochs.
    """

    # After the checkpoint of an epoch is written and buffers are synchronised, before CheckpointHook.after_train.
    priority = 'LOW'

    def __init__(
        self,
        gallery: dict,
        queries: dict | None = None,
        interval: int = 1,
        k: int = 20,
        temperature: float | None = 0.07,
        pooling: str = 'average',
        at_start: bool = False,
    ) -> None:
        check_least('KNNHook', interval=interval, k=k)
        if temperature is not None and temperature <= 0:
            raise InputError(f'KNNHook.temperature={temperature}: expected None or a number above 0')
        check_choice('KNNHook.pooling', pooling, POOLINGS)
        self.configs = (gallery, queries)
        self.interval, self.k, self.temperature = interval, k, temperature
        self.pooling, self.at_start = pooling, at_start
        self._loaders: list[Any] = []

    def before_train(self, runner: Runner) -> None:
        """Build the loaders, so that a missing list stops the run before its first step.

        Raises:
            InputError: If the run does not count epochs, or the model has no ``backbone``.
        """
        if not isinstance(runner.train_loop, EpochBasedTrainLoop):
            raise InputError("KNNHook measures by epoch: use train_cfg=dict(type='EpochBasedTrainLoop', ...)")
        if not hasattr(unwrap(runner.model), 'backbone'):
            raise InputError(f'KNNHook: {type(unwrap(runner.model)).__name__} has no backbone to take features from')
        with untouched_random_state():
            self._loaders = [
                runner.build_dataloader(mend_loader(config), seed=runner.seed) for config in self.configs if config
            ]

    def before_train_epoch(self, runner: Runner) -> None:
        """Measure if a measurement is due. ``runner.epoch`` epochs are finished.

        A run that goes on in the middle of an epoch has measured before that epoch, with other weights than those of now.
        """
        if getattr(runner.train_loop, 'first', 0) > 0:
            return
        if (runner.epoch == 0 and self.at_start) or (runner.epoch > 0 and runner.epoch % self.interval == 0):
            self.measure(runner)

    def after_train(self, runner: Runner) -> None:
        """Measure the last epoch."""
        self.measure(runner)

    def measure(self, runner: Runner) -> float:
        """Extract, classify, log, and offer the result to the checkpoint hook. Every rank returns the same accuracy.

        Raises:
            InputError: If the labelled videos cannot be used; see :func:`check_comparable`.
        """
        with weights_of_checkpoints(runner):
            banks = [extract_bank(unwrap(runner.model), loader, self.pooling) for loader in self._loaders]
        accuracy = self._accuracy(banks, next(unwrap(runner.model).parameters()).device)
        runner.message_hub.update_scalar('val/knn/top1', accuracy)
        runner.visualizer.add_scalars({'knn/top1': accuracy}, step=runner.epoch)
        runner.logger.info(f'Epoch(knn) [{runner.epoch}]  knn/top1: {accuracy:.4f}  ({self._describe(banks)})')
        for hook in runner.hooks:
            # One that selects by the metrics of a validation loop would miss them here.
            if isinstance(hook, CheckpointHook) and hook.save_best in (['knn/top1'], ['auto']) and runner.epoch > 0:
                hook.after_val_epoch(runner, {'knn/top1': accuracy})
        return accuracy

    def _accuracy(self, banks: list[FeatureBank], device: torch.device) -> float:
        gallery, queries = banks[0], banks[-1]
        groups = None
        if len(banks) == 1:
            gallery.require_labels('KNNHook.gallery')
            if len(gallery) < 2:
                raise InputError(f'KNNHook.gallery: {len(gallery)} readable videos, expected at least 2')
            groups = torch.arange(len(gallery))
        else:
            check_comparable(gallery, queries)
        return knn_accuracy(
            torch.from_numpy(queries.features),
            torch.from_numpy(queries.labels),
            torch.from_numpy(gallery.features),
            torch.from_numpy(gallery.labels),
            k=self.k,
            temperature=self.temperature,
            query_groups=groups,
            gallery_groups=groups,
            device=device,
        )

    def _describe(self, banks: list[FeatureBank]) -> str:
        how = 'leave-one-out' if len(banks) == 1 else f'{len(banks[1])} queries'
        return f'k={self.k}, {how}, {len(banks[0])} videos, {self.pooling}'
