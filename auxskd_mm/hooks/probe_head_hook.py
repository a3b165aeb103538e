"""Start of a fine-tuning from the solution of the linear probe (LP-FT)."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import torch
from mmengine.hooks import EMAHook, Hook
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from ..config.loading.loaders import mend_loader
from ..config.pipelines import data_sets
from ..errors import InputError
from ..evaluation.feature_bank import FeatureBank
from ..evaluation.feature_extraction import backbone_output, extract_bank
from ..evaluation.linear_probe import LinearProbe, NoValidationPart, ProbeSettings, fit_probe, sweep_probe
from ..evaluation.linear_probe_metric import GroupSource
from ..models.modules.evaluating import evaluating
from ..models.modules.protocol_pooling import pool_for_protocol
from ..random_state import untouched_random_state
from ..registry import HOOKS
from ..unwrap import unwrap

if TYPE_CHECKING:
    from mmengine.runner import Runner

    from ..typing import DataBatch, Features


# What says which videos and windows a list stands for.
_LISTED = (
    'ann_file',
    'data_root',
    'data_prefix',
    'delimiter',
    'list_format',
    'suffix',
    'window',
    'stride',
    'split_at_cuts',
)
# The strongest first: of equally good probes it wins, and its small weights are the safer start.
_CANDIDATES = [ProbeSettings(weight_decay=10.0**power) for power in range(0, -7, -1)]


@HOOKS.register_module()
class ProbeHeadHook(Hook):
    """Before the first step, give the classifier the weights of a linear probe on the frozen backbone (LP-FT).

    A random classifier sends large, random gradients through the backbone, which distort good features. A fine-tuning
    that starts from the probe starts at the probe's accuracy instead. The probe is trained on the features of the
    labelled training videos, pooled as the head pools them: by the ``pooling`` of a :class:`ClipClassHead`, or by a global
    average. Its weight decay is chosen by groups, as :class:`LinearProbeMetric` does. Its scaling of the features is folded
    into the layer, so the model makes the probe's predictions.

    With ``validate``, the weights are also validated before the first step. ``CheckpointHook(save_best='acc/top1')`` then
    keeps the probe if no later validation is better, and a test of the best checkpoint ends no lower than the probe, as
    far as validation can tell.

    Call points: ``before_train``, after the weights of ``load_from`` have arrived; ``before_train_epoch`` for the validation;
    ``before_train_iter`` for ``norm_eval``. A resumed run goes on without a new probe.

    Args:
        loader: Config of a data loader of the labelled training videos with a test pipeline, as for :class:`KNNHook`. A data
            set without ``ann_file`` has the list of the training, with its windows.
        layer: Name of the linear layer in ``model.cls_head``.
        fixed_weight_decay: Weight decay of the probe if no video or group can be held out to choose it.
        val_share: See :class:`LinearProbeMetric`, as for the next two.
        group_file: Groups of the videos.
        group_pattern: Groups of the videos.
        validate: Whether to validate before the first step, if the config has a validation.
        norm_eval: Whether BatchNorm of the backbone keeps the statistics of the pretraining. With those of a small batch
            the network would give other features than the probe was trained on, and not start at its accuracy.
        seed: Seed of the choice of the weight decay.

    Raises:
        InputError: If the head has no such layer, does more than pool and classify, or has too few outputs. Also if the loader
            reads another list than the training, so the network would know labels that it is not given.

    Source: Kumar et al., "Fine-Tuning can Distort Pretrained Features and Underperform Out-of-Distribution", ICLR 2022.
    """

    priority = 'NORMAL'

    def __init__(
        self,
        loader: dict,
        layer: str = 'fc_cls',
        fixed_weight_decay: float = 1e-2,
        val_share: float = 0.2,
        group_file: str | None = None,
        group_pattern: str | None = None,
        validate: bool = True,
        norm_eval: bool = True,
        seed: int = 0,
    ) -> None:
        self.loader, self.layer, self.validate, self.norm_eval = loader, layer, validate, norm_eval
        self.fixed = ProbeSettings(weight_decay=fixed_weight_decay)
        self.val_share, self.seed = val_share, seed
        self.groups = GroupSource(group_pattern, group_file, type(self).__name__)
        self._started = False

    def before_train(self, runner: Runner) -> None:
        """Train the probe, and copy it into the head."""
        # `resume` without a checkpoint to resume from is a first start, as in a job that always asks for it.
        if runner.iter > 0 or (getattr(runner, '_resume', False) and runner._has_loaded):
            return
        model = unwrap(runner.model)
        layer = self._layer(model)
        with untouched_random_state():
            loader = runner.build_dataloader(self._probe_loader(runner), seed=runner.seed)
            pooling = getattr(model.cls_head, 'pooling', 'average')
            bank = extract_bank(model, loader, pooling)
            probe, how = self._probe(bank, layer.out_features)
            with evaluating(model), torch.no_grad():
                feats, _ = backbone_output(model, next(iter(loader)))
        copy_probe(probe, layer)
        check_same(probe, model.cls_head, feats, pooling)
        accuracy = probe.accuracy(bank.features, bank.labels)
        runner.logger.info(
            f'the head starts from a linear probe on {len(bank)} videos: {how}, {100 * accuracy:.1f}% of these right'
        )
        for hook in runner.hooks:
            if isinstance(hook, EMAHook):  # its copy was made before the weights arrived
                hook.ema_model.module.load_state_dict(model.state_dict())
        self._started = True

    def before_train_epoch(self, runner: Runner) -> None:
        """Validate the probe once, when every hook is ready."""
        started, self._started = self._started, False
        if started and self.validate and runner.val_loop is not None:
            with untouched_random_state():
                runner.val_loop.run()
            runner.model.train()

    def before_train_iter(self, runner: Runner, batch_idx: int, data_batch: DataBatch = None) -> None:
        """Keep the statistics of BatchNorm, which the loops set to training mode after each validation."""
        if self.norm_eval:
            for module in unwrap(runner.model).backbone.modules():
                if isinstance(module, _BatchNorm):
                    module.eval()

    def _probe_loader(self, runner: Runner) -> dict:
        """The loader of the probe, with the list that the training reads. A recipe draws that list, with few labels per class."""
        trained = [dataset for _, dataset in data_sets(runner.cfg.get('train_dataloader')) if dataset.get('ann_file')]
        dataset: Any
        for key, dataset in data_sets(self.loader, 'ProbeHeadHook.loader'):
            if not dataset.get('ann_file') and len(trained) == 1:
                listed = {name: trained[0][name] for name in _LISTED if name in trained[0]}
                dataset.update({**listed, **dataset})
            if trained and _list_of(dataset) not in map(_list_of, trained):
                raise InputError(
                    f'{key}.ann_file={dataset.get("ann_file")!r}, but the training reads '
                    f'{" and ".join(repr(own["ann_file"]) for own in trained)}: the probe would learn other labels; leave '
                    'ann_file out, and it has the list of the training'
                )
        return mend_loader(self.loader)

    def _layer(self, model: nn.Module) -> nn.Linear:
        layer = getattr(getattr(model, 'cls_head', None), self.layer, None)
        if not isinstance(layer, nn.Linear):
            raise InputError(
                f'ProbeHeadHook.layer={self.layer!r}: {type(getattr(model, "cls_head", model)).__name__} has no linear layer '
                "of this name; for I3DHead it is 'fc_cls'"
            )
        return layer

    def _probe(self, bank: FeatureBank, classes: int) -> tuple[LinearProbe, str]:
        bank.require_labels('ProbeHeadHook.loader')
        if int(bank.labels.max()) >= classes:
            raise InputError(
                f'ProbeHeadHook: label {bank.labels.max()} occurs, but the head has {classes} classes; set '
                'model.cls_head.num_classes'
            )
        try:
            groups = self.groups.of(bank.names)
            probe, rows = sweep_probe(
                bank.features,
                bank.labels,
                _CANDIDATES,
                val_share=self.val_share,
                groups=groups,
                seed=self.seed,
                num_classes=classes,
            )
            best = max(row['val_acc'] for row in rows)
            return probe, f'weight decay {probe.settings.weight_decay:g}, {100 * best:.1f}% of its validation part'
        except NoValidationPart:
            probe = fit_probe(bank.features, bank.labels, self.fixed, num_classes=classes)
            return probe, f'weight decay {self.fixed.weight_decay:g}, fixed, since nothing can be held out'


def _list_of(dataset: Mapping[str, Any]) -> str:
    return os.path.realpath(os.path.join(dataset.get('data_root') or '', dataset.get('ann_file') or ''))


@torch.no_grad()
def copy_probe(probe: LinearProbe, layer: nn.Linear) -> None:
    """Write a probe into a linear layer. Both then give the same scores for the same features.

    Args:
        probe: Classifier on standardised features (D,).
        layer: Linear layer from D channels to the probe's classes.

    Raises:
        InputError: If the widths differ.
    """
    weight, bias = probe.as_linear()  # (C, D), (C,)
    if weight.shape != layer.weight.shape:
        raise InputError(
            f'ProbeHeadHook: a probe of shape {tuple(weight.shape)} for a layer of shape {tuple(layer.weight.shape)}: the '
            'head takes other features than the pooled ones of the backbone'
        )
    layer.weight.copy_(weight)
    if layer.bias is None:
        raise InputError('ProbeHeadHook: the linear layer has no bias, which the probe needs')
    layer.bias.copy_(bias)


@torch.no_grad()
def check_same(probe: LinearProbe, head: nn.Module, feats: Features, pooling: str = 'average') -> None:
    """Check that a head gives the scores of the probe for the output of a backbone.

    Args:
        probe: Classifier of pooled features (B, D).
        head: Head with the probe's weights.
        feats: The backbone's output for B clips.
        pooling: Pooling of the features, see :func:`pool_for_protocol`.

    Raises:
        InputError: If it does not, because it has further layers or pools otherwise.
    """
    with evaluating(head):
        scores = head(feats)
    expected = probe.scores(pool_for_protocol(feats, pooling).float().to(probe.weight.device)).to(scores)
    if not torch.allclose(scores, expected, rtol=1e-3, atol=1e-3 * float(expected.abs().max())):
        raise InputError(
            f"ProbeHeadHook: {type(head).__name__} does not give the probe's scores; it needs a head of one pooling and one "
            'linear layer, such as I3DHead or auxskd_mm.ClipClassHead'
        )
