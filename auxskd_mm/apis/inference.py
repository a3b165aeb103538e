"""Inference with a trained model, as ``mmaction.apis`` offers it for recognisers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from mmaction.registry import MODELS
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.device import get_device
from mmengine.logging import print_log
from torch import nn

from ..checkpoint_files import find_checkpoint, read_state
from ..choices import QUESTIONS
from ..config.feature_pipeline import feature_pipeline
from ..config.load import load_config
from ..config.loading.new_style import name_types
from ..config.parts import as_list, model_settings, weights_package
from ..config.pipelines import evaluation_steps
from ..config.task_names import class_names, evaluated_tasks
from ..datasets.input_sources import as_samples, input_pipeline
from ..errors import InputError, VideoReadError, check_choice, check_least
from ..functional.adapter_state import BASE_DIGEST
from ..functional.tasks import Task
from ..functional.transfer import load_checked
from ..models.start_weights import start_weights
from ..models.tasks import CLASS, model_tasks
from ..random_state import untouched_random_state
from ..registry import type_name, use_scope
from .zoo_names import config_name, packaged_start

if TYPE_CHECKING:
    from mmaction.structures import ActionDataSample

    from ..typing import VideoInput, VideoModel


@dataclass
class Prediction:
    """Answer to one question about one video.

    Attributes:
        names: Names of the K classes.
        clips: Probabilities (V, K) for the V clips that the model saw.
        truth: True class of each clip if the pipeline drew it; otherwise empty.
    """

    names: tuple[str, ...]
    clips: np.ndarray
    truth: tuple[str, ...] = ()

    @property
    def probabilities(self) -> np.ndarray:
        """Mean over the clips, (K,)."""
        return self.clips.mean(0)

    @property
    def best(self) -> str:
        """Name of the most probable class."""
        return self.names[int(self.probabilities.argmax())]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        probabilities = {name: round(float(value), 6) for name, value in zip(self.names, self.probabilities)}
        return dict(best=self.best, probabilities=probabilities, **({'truth': list(self.truth)} if self.truth else {}))


@dataclass
class VideoPrediction:
    """Predictions of a model on one video: ``prediction['pace'].best``.

    Attributes:
        filename: Path, address, or 'array'.
        tasks: Answer for each task: 'pace', 'segment' (VSPP), 'order' (VCOP), 'class' (a recogniser), or your own task.
        frame_inds: Indices of the frames in the clips, int64 (V * clip_len,), if the pipeline records them.
        frame_seconds: Their times in seconds after the start of the video, float64 (V * clip_len,), if the sampler has
            ``fps``.
    """

    filename: str
    tasks: dict[str, Prediction] = field(default_factory=dict)
    frame_inds: np.ndarray | None = None
    frame_seconds: np.ndarray | None = None

    def __getitem__(self, task: str) -> Prediction:
        if task not in self.tasks:
            raise InputError(f'the model does not predict {task!r}; it predicts {", ".join(self.tasks)}')
        return self.tasks[task]

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        seconds = {} if self.frame_seconds is None else dict(frame_seconds=self.frame_seconds.round(3).tolist())
        return dict(filename=self.filename, **{task: one.as_dict() for task, one in self.tasks.items()}, **seconds)


def init_model(
    config: str | Path | Config,
    checkpoint: str | Path | None = None,
    device: str | torch.device | None = None,
    *,
    require: str = 'model',
    seed: int = 0,
    pretrained: bool = False,
) -> VideoModel:
    """Model of a config in eval mode, with the weights of a checkpoint; ``model.cfg`` is the config.

    Args:
        config: Config file, ``package::path``, name in the model zoo (``'vspp_motion'``), or a config.
        checkpoint: File or address. None takes the weights that come with this package, if ``config`` is a name that has
            some. Else it draws random weights from ``seed``, as a training from scratch does.
        device: Device of the model. None takes the accelerator if there is one.
        require: 'model' if the checkpoint must hold every tensor. 'backbone' if the backbone's tensors are enough, as in
            a checkpoint of an earlier phase or of ``tools/analysis/publish_model.py``. Other tensors are loaded if they fit.
        seed: Seed of random weights.
        pretrained: Whether a model without a checkpoint takes the weights that ``model.backbone.pretrained`` names. They
            may be downloaded. Those of ``init_cfg`` it always takes.

    Raises:
        InputError: If the config has no model; if the checkpoint is missing, damaged or of another network; or if the
            device does not exist.
    """
    if not isinstance(config, Config):
        checkpoint = checkpoint or packaged_start(str(config))
        config = load_config(config_name(str(config)))
    config = name_types(config)
    check_choice('require', require, ('model', 'backbone'))
    use_scope(config)
    model = _build(config, checkpoint is None, seed, pretrained)
    if require == 'backbone' and not hasattr(model, 'backbone'):
        raise InputError(f'{type(model).__name__} has no backbone to take features from')
    if checkpoint is not None:
        prefixes = ('backbone.',) if require == 'backbone' else ('',)
        load_weights(model, str(checkpoint), prefixes)
    model.cfg = config
    model.checkpoint = None if checkpoint is None else str(checkpoint)
    _move(model, device)
    model.eval()
    return model


def _move(model: VideoModel, device: str | torch.device | None) -> None:
    try:
        model.to(device or get_device())
    except (RuntimeError, AssertionError) as error:  # torch without CUDA asserts
        if device is None:
            raise
        raise InputError(f"device='{device}': {str(error).splitlines()[0][:160]}") from None


def _build(config: Config, random_weights: bool, seed: int, pretrained: bool) -> VideoModel:
    # As MMAction2 does, nothing is downloaded that a checkpoint replaces.
    settings = model_settings(config, pretrained and random_weights)
    backbone = settings.get('backbone')
    backbone = backbone if isinstance(backbone, dict) else {}
    with untouched_random_state():
        torch.manual_seed(seed)
        model = MODELS.build(settings)
        if random_weights:
            start_weights(model)
            inits = as_list(backbone.get('init_cfg'))
            started = backbone.get('pretrained') or any('checkpoint' in one or weights_package(one) for one in inits)
            known = 'the backbone starts from public weights of its config, and the rest is random'
            line = known if started else 'random weights, whose answers mean nothing'
            print_log(f'no checkpoint: {line}', logger='current')
    return model


def load_weights(model: VideoModel, checkpoint: str, prefixes: Sequence[str]) -> None:
    """Load the tensors that fit. Parts of the model that start with ``prefixes`` must be loaded completely.

    Raises:
        InputError: See :func:`load_checked`.
    """
    checkpoint = find_checkpoint(checkpoint)
    state = read_state(checkpoint)
    if BASE_DIGEST in state:  # adapters alone: the config names their base
        with untouched_random_state():
            start_weights(model)
    print_log(load_checked(model, state, prefixes, checkpoint), logger='current')


def inference_pipeline(config: Config, question: str = 'as_is', num_clips: int = 4) -> Compose:
    """Pipeline from a sample of :func:`as_samples` to the model's input.

    Args:
        config: Config with a ``test_dataloader`` or ``val_dataloader``. If it has neither, 'as_is' uses the training
            pipeline without its random steps.
        question: 'as_is' takes ``num_clips`` evenly spread clips at the pace of the video. 'task' lets the sampler of the
            test pipeline speed up, shuffle ... as in a test, so the true answers are known.
        num_clips: Clips per video, for 'as_is'.

    Raises:
        InputError: For an unknown question, or a config without a pipeline for it.
    """
    check_choice('question', question, QUESTIONS)
    use_scope(config)
    steps = (
        feature_pipeline(config, num_clips)
        if question == 'as_is'
        else [dict(step) for step in evaluation_steps(config)]
    )
    for step in steps:
        if type_name(step['type']) == 'PackActionInputs':
            kept = (*step.get('meta_keys', ()), 'filename', 'frame_inds', 'frame_seconds')
            step['meta_keys'] = tuple(dict.fromkeys(kept))
    return Compose(input_pipeline(steps))


def check_question(model: VideoModel, question: str) -> None:
    """Refuse 'as_is' to a model that has no answer to it.

    Raises:
        InputError: For a task that compares several clips.
    """
    together = [task.about for task in model_tasks(model) if task.clips > 1]
    if question == 'as_is' and together:
        name = type(getattr(model, 'cls_head', model)).__name__
        raise InputError(f"{name} tells {' and '.join(together)}: ask it with question='task'")


def asked_tasks(model: VideoModel) -> tuple[Task, ...]:
    """Return the tasks of a model of :func:`init_model`, from its head or else from the config's evaluators."""
    own = model_tasks(model)
    # A head of MMAction2's kind counts as a classifier until something says otherwise.
    return own if own not in ((), (CLASS,)) else tuple(evaluated_tasks(getattr(model, 'cfg', None) or Config())) or own


def predict(
    model: VideoModel,
    videos: VideoInput,
    *,
    question: str = 'as_is',
    num_clips: int = 4,
    batch_size: int = 4,
    skip_bad: bool = False,
    **stream: Any,
) -> list[VideoPrediction]:
    """Predict with a model of :func:`init_model` on videos.

    Args:
        model: Any recogniser with a head that writes probabilities: VSPP, VideoPace, VCOP or a classifier.
        videos: See :func:`auxskd_mm.datasets.input_sources.as_samples`.
        question: See :func:`inference_pipeline`. VCOP only answers 'task'.
        num_clips: Clips per video, for 'as_is'. Their probabilities are averaged.
        batch_size: Videos per batch.
        skip_bad: If true, unreadable videos are logged and left out. If false, they are an error.
        stream: ``stream_frames`` and ``windows`` for webcams and addresses.

    Returns:
        One prediction per video, in the order of the videos.

    Raises:
        InputError: If the model has no head that answers the question, or a video cannot be used.
    """
    check_question(model, question)
    pipeline = inference_pipeline(model.cfg, question, num_clips)
    data = prepared(numbered(as_samples(videos, **stream)), pipeline, skip_bad)
    results: list[VideoPrediction] = []
    for batch in batches(data, batch_size):
        results += predict_batch(model, batch)
    return results


def predict_pace(model: VideoModel, video: VideoInput, **options: Any) -> VideoPrediction:
    """Predict the pace of a video and, with VSPP, the segment of its clips that is sped up.

    Args:
        model: Model of :func:`init_model` with a :class:`VSPPHead` or :class:`PaceHead`.
        video: One video: file, frame folder, array, webcam or address.
        options: Options of :func:`predict`.

    Returns:
        ``result['pace']`` and, for VSPP, ``result['segment']``, each with names, probabilities and ``best``. With the
        question 'as_is', the video keeps its own pace and has no sped-up segment. The segment then means nothing.

    Raises:
        InputError: If the model does not predict a pace, or ``video`` is not exactly one that can be read.
    """
    results = predict(model, video, **options)
    if len(results) != 1:
        raise InputError(f'{len(results)} videos: predict_pace takes one; use predict for several')
    results[0]['pace']
    return results[0]


def numbered(samples: Iterable[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Samples with the ``sample_idx`` that seeded samplers draw by, in test mode."""
    for i, sample in enumerate(samples):
        yield dict(sample, sample_idx=i, test_mode=True)


def prepared(samples: Iterable[dict[str, Any]], pipeline: Compose, skip_bad: bool = False) -> Iterator[dict[str, Any]]:
    """Model inputs of samples; an unreadable video is an error, or logged and left out as long as another can be read."""
    good, last = 0, None
    for sample in samples:
        try:
            inputs = pipeline(sample)
            if inputs is None:
                raise VideoReadError(str(sample.get('filename')), 'a step of the pipeline dropped it')
            yield inputs
            good += 1
        except (VideoReadError, OSError) as error:
            if not skip_bad:
                raise
            last = error
            print_log(f'left out: {error}', logger='current')
    if last is not None and not good:
        raise last


def batches(items: Iterable[Any], size: int) -> Iterator[list[Any]]:
    """Lists of up to ``size`` items."""
    check_least('', batch_size=size)
    batch: list[Any] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


@torch.no_grad()
def predict_batch(model: VideoModel, batch: Sequence[dict[str, Any]]) -> list[VideoPrediction]:
    """Predictions for samples that went through :func:`inference_pipeline`."""
    return [read_prediction(sample, model) for sample in model.test_step(pseudo_collate(list(batch)))]


def read_prediction(sample: ActionDataSample, model: VideoModel) -> VideoPrediction:
    """Probabilities and names out of a data sample that a head has written into.

    Raises:
        InputError: If it holds no probabilities.
    """
    result = VideoPrediction(str(sample.get('filename')), {}, sample.get('frame_inds'), sample.get('frame_seconds'))
    for task in asked_tasks(model):
        scores = sample.get(task.pred_key)
        if scores is None:
            continue
        scores = torch.atleast_2d(torch.as_tensor(scores).float().cpu())
        clips = (scores if task != CLASS else _probabilities(scores, model.cls_head)).numpy()
        if not np.isfinite(clips).all():
            raise InputError(f"{result.filename}: the model answers with '{task.pred_key}' that is NaN or infinite")
        names = class_names(model.cfg, task, clips.shape[1])
        truth = sample.get(task.label_key)
        known = [] if truth is None else [int(i) for i in torch.as_tensor(truth).reshape(-1)]
        # A recogniser's label is -1 where nobody gave one.
        answers = tuple(names[i] for i in known) if all(0 <= i < len(names) for i in known) else ()
        result.tasks[task.name] = Prediction(names, clips, answers)
    if not result.tasks:
        head = type(getattr(model, 'cls_head', model)).__name__
        raise InputError(
            f'{head} predicts no probabilities; take a config of a pretext head with tasks (VSPP, VideoPace, VCOP) or of '
            'a recogniser'
        )
    return result


def _probabilities(scores: torch.Tensor, head: nn.Module) -> torch.Tensor:
    """Convert the scores of an MMAction2 recogniser to probabilities (V, K). Only ``average_clips='prob'`` gives no logits."""
    done = getattr(head, 'average_clips', None) == 'prob'
    return scores if done else scores.softmax(-1)
