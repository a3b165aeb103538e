"""Checkpoints that are written whole or not at all, and that allow an exact resume."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmengine.dist import is_main_process
from mmengine.fileio import LocalBackend, register_backend
from mmengine.hooks import CheckpointHook
from mmengine.logging import print_log
from torch.distributed.optim import ZeroRedundancyOptimizer

from ..files import write_atomically
from ..models.wrappers import full_state, is_sharded, shard_optimizer_state
from ..plain_data import from_plain, to_plain
from ..records.provenance import training_meta
from ..registry import HOOKS
from ..unwrap import built_optim_wrapper, unwrap
from .exact_resume import KEY, apply_rank_state, gather_rank_state

if TYPE_CHECKING:
    from mmengine.runner import Runner

PREEMPTED = 'preempted_iter_{}.pth'


@register_backend('atomic', force=True)
class AtomicLocalBackend(LocalBackend):
    """MMEngine's local file backend, whose ``put`` calls :func:`write_atomically`."""

    def put(self, obj: bytes, filepath: str | Path) -> None:
        """Write bytes; see :func:`write_atomically`."""
        write_atomically(filepath, obj)


@HOOKS.register_module()
class AtomicCheckpointHook(CheckpointHook):
    """MMEngine's ``CheckpointHook`` with the same options, for runs that may be killed at any moment.

    - A file is written under another name, flushed to the disk and renamed. The same holds for ``last_checkpoint``.
    - An older checkpoint is deleted only when the new one and the pointer to it exist.
    - Beside MMEngine's content a checkpoint holds ``exact_resume``, see :func:`gather_rank_state`, and
      ``meta['training']``, see :func:`training_meta`.
    - A checkpoint holds tensors and Python's own types only, so ``torch.load(weights_only=True)`` needs no allow-list.
      The message hub's histories become lists, see :func:`to_plain`.

    Paths with a scheme (``s3://``) use MMEngine's own file backends.

    Args:
        args: Arguments of ``CheckpointHook``.

    Raises:
        InputError: If a checkpoint cannot be written (disk full). This ends the run.
    """

    backend_args: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._to_save: dict[str, Any] | None = None
        self._loaded: dict[str, Any] | None = None
        self._sharded: dict[str, Any] = {}
        self._training: dict[str, Any] | None = None
        self.saved_iter = -1

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Restore MMEngine's own objects, and keep the state that :meth:`before_train` restores.

        For parameters in shards, it also splits the optimizer's states.
        """
        checkpoint.update(from_plain(checkpoint))
        self._loaded = checkpoint.get(KEY)
        if 'optimizer' in checkpoint and is_sharded(runner.model):
            checkpoint['optimizer'] = shard_optimizer_state(
                built_optim_wrapper(runner).optimizer, checkpoint['optimizer']
            )

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Add the state for an exact resume and the origin of the weights. Keep only tensors and plain values."""
        if self._to_save is not None:
            checkpoint[KEY] = self._to_save
        checkpoint.update(self._sharded)
        if self._training is None:
            try:
                self._training = training_meta(runner.cfg.to_dict())
            except (AttributeError, TypeError):  # a Runner made of objects has no config with this information
                self._training = {}
        checkpoint['meta'].update(self._training)
        checkpoint.update(to_plain(checkpoint))

    def before_train(self, runner: Runner) -> None:
        """Finish a resume, then run MMEngine's preparations."""
        super().before_train(runner)
        if self.backend_args is None and self.file_client_args is None and isinstance(self.file_backend, LocalBackend):
            self.backend_args = dict(backend='atomic')
        if runner._resume and runner._has_loaded:
            apply_rank_state(runner, self._loaded)
        self._loaded = None

    def save_preempted(self, runner: Runner) -> str:
        """Save within an epoch, after an iteration. The file is deleted when the next regular checkpoint exists.

        Returns:
            Path of the newest checkpoint.
        """
        step = runner.iter + 1
        if self.saved_iter != step:
            meta = dict(epoch=runner.epoch, iter=step)
            self._save(runner, PREEMPTED.format(step), meta, by_epoch=False)
        return str(self.last_ckpt)

    def _save_checkpoint_with_step(self, runner: Runner, step: int, meta: dict) -> None:
        outdated = []
        if self.max_keep_ckpts > 0 and not (self.keep_ckpt_ids and self.keep_ckpt_ids[-1] == step):
            if len(self.keep_ckpt_ids) == self.max_keep_ckpts:
                outdated.append(self.filename_tmpl.format(self.keep_ckpt_ids.popleft()))
            self.keep_ckpt_ids.append(step)
            runner.message_hub.update_info('keep_ckpt_ids', list(self.keep_ckpt_ids))
        self._save(runner, self.filename_tmpl.format(step), meta, by_epoch=self.by_epoch)
        if not is_main_process():
            return
        if isinstance(self.file_backend, LocalBackend):
            outdated += [path.name for path in Path(self.out_dir).glob(PREEMPTED.format('*'))]
        for name in outdated:
            self._remove(self.file_backend.join_path(self.out_dir, name))

    def _save(self, runner: Runner, name: str, meta: dict, by_epoch: bool) -> None:
        self.last_ckpt = self.file_backend.join_path(self.out_dir, name)
        runner.message_hub.update_info('last_ckpt', self.last_ckpt)
        self._to_save = gather_rank_state(runner)
        self._sharded = _collect_shards(runner, self.save_optimizer)
        self.saved_iter = int(meta['iter'])
        try:
            runner.save_checkpoint(
                self.out_dir,
                name,
                self.file_client_args,
                save_optimizer=self.save_optimizer and 'optimizer' not in self._sharded,
                save_param_scheduler=self.save_param_scheduler,
                meta=meta,
                by_epoch=by_epoch,
                backend_args=self.backend_args,
                **self.args,
            )
        finally:
            self._to_save, self._sharded = None, {}
        if is_main_process():
            write_atomically(Path(runner.work_dir, 'last_checkpoint'), str(self.last_ckpt).encode())

    def _save_best_checkpoint(self, runner: Runner, metrics: dict) -> None:
        """Save the new best checkpoint, then delete the old one. MMEngine's method deletes the old one first."""
        single = len(self.key_indicators) == 1 if self.save_best else True
        before = {None: getattr(self, 'best_ckpt_path', None)} if single else dict(self.best_ckpt_path_dict)
        self._set_best(dict.fromkeys(before), single)
        try:
            super()._save_best_checkpoint(runner, metrics)
        finally:
            after = {None: getattr(self, 'best_ckpt_path', None)} if single else dict(self.best_ckpt_path_dict)
            self._set_best({key: after[key] or before[key] for key in before}, single)
        for key, path in before.items():
            if path and after[key] and after[key] != path and is_main_process():
                self._remove(path)

    def _set_best(self, paths: dict[Any, str | None], single: bool) -> None:
        if single:
            self.best_ckpt_path = paths[None]
        else:
            self.best_ckpt_path_dict = dict(paths)

    def _remove(self, path: str) -> None:
        if self.file_backend.isfile(path):
            self.file_backend.remove(path)
        elif self.file_backend.isdir(path):
            self.file_backend.rmtree(path)
        else:
            print_log(f'{path}: gone already', 'current')


def _collect_shards(runner: Runner, optimizer: bool) -> dict[str, Any]:
    """Collect the parts of a checkpoint that no rank has whole, and with ``optimizer`` the states of the optimizer.

    MMEngine collects them on rank 0 alone. That rank would then wait forever, or save a shard.
    """
    collected: dict[str, Any] = {}
    if is_sharded(runner.model):
        model = unwrap(runner.model)
        collected['state_dict'] = full_state(model.state_dict())
        if optimizer:
            collected['optimizer'] = full_state(built_optim_wrapper(runner).state_dict())
    elif optimizer and isinstance(getattr(runner.optim_wrapper, 'optimizer', None), ZeroRedundancyOptimizer):
        collected['optimizer'] = built_optim_wrapper(runner).state_dict()
    return collected
