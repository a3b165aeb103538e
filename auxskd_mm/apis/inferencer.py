"""The inferencer of pretext models, in the manner of MMAction2's."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import mmengine
import numpy as np
from mmengine.config import Config
from mmengine.dataset import Compose
from mmengine.infer.infer import BaseInferencer

from ..config.load import load_config
from ..config.task_names import pretext_sampler
from ..datasets.input_sources import as_samples
from ..datasets.recordings.names import file_stem
from ..datasets.transforms.captions import of_views
from ..errors import InputError
from ..files import check_writable, make_folder
from ..functional.pixels import as_pictures
from ..registry import INFERENCERS
from ..visualization import SheetClip, draw_clip_sheet
from .inference import (
    Prediction,
    VideoPrediction,
    batches,
    check_question,
    inference_pipeline,
    init_model,
    numbered,
    predict_batch,
    prepared,
)
from .zoo_names import config_name, packaged_start

if TYPE_CHECKING:
    from torch import Tensor

    from ..typing import VideoModel


@INFERENCERS.register_module(name='pretext')
@INFERENCERS.register_module()
class PretextInferencer(BaseInferencer):
    """Predict with a VSPP, VideoPace or VCOP model, or with a recogniser, on videos::

        inferencer = PretextInferencer('configs/vspp_r21d_k100.py', 'epoch_20.pth')
        inferencer('my_videos', batch_size=8, out_dir='pictures')['predictions'][0]['pace']['best']

    Args:
        model: Config file, ``package::path``, name in the model zoo (``'vspp_motion'``), or a config.
        weights: Checkpoint. None takes the weights that come with this package, if ``model`` is a name that has some, and
            else random weights.
        device: Device of the model. None takes the accelerator if there is one.
        question: 'as_is' or 'task', see :func:`auxskd_mm.apis.inference.inference_pipeline`.
        num_clips: Clips per video, for 'as_is'.
        skip_bad: If true, unreadable videos are logged and left out. If false, they are an error.
        show_progress: Draw a progress bar.

    Raises:
        InputError: For a config or checkpoint that cannot be used.
    """

    model: VideoModel
    pipeline: Compose
    preprocess_kwargs: set = {'stream_frames', 'windows'}
    visualize_kwargs: set = {'out_dir'}
    postprocess_kwargs: set = {'print_result', 'pred_out_file'}

    def __init__(
        self,
        model: str | Path | Config,
        weights: str | None = None,
        device: str | None = None,
        *,
        question: str = 'as_is',
        num_clips: int = 4,
        skip_bad: bool = True,
        show_progress: bool = True,
    ) -> None:
        self.question, self.num_clips, self.skip_bad = question, num_clips, skip_bad
        if not isinstance(model, Config):
            weights = weights or packaged_start(str(model))
        config = model if isinstance(model, Config) else load_config(config_name(str(model)))
        super().__init__(config, weights, device, scope='auxskd_mm', show_progress=show_progress)

    def _init_model(self, cfg: Config, weights: str | None, device: str = 'cpu') -> VideoModel:
        network = init_model(cfg, weights, device)
        check_question(network, self.question)
        return network

    def _init_pipeline(self, cfg: Config) -> Compose:
        self.sampler = pretext_sampler(cfg)
        return inference_pipeline(cfg, self.question, self.num_clips)

    def _init_visualizer(self, cfg: Config) -> None:
        return None

    def _inputs_to_list(self, inputs: Any) -> list[Any]:
        return [inputs]  # preprocess tells folders, arrays and streams apart

    def preprocess(self, inputs: Any, batch_size: int = 1, **kwargs: Any) -> Iterator[list[Any]]:
        """Batches of model inputs; see :func:`auxskd_mm.datasets.input_sources.as_samples` for what ``inputs`` may be."""
        yield from batches(prepared(numbered(as_samples(*inputs, **kwargs)), self.pipeline, self.skip_bad), batch_size)

    def forward(self, inputs: Any, **kwargs: object) -> list[VideoPrediction]:
        """Predict a batch. Each prediction keeps its clips if pictures are wanted."""
        results = predict_batch(self.model, inputs)
        if self._out_dir:
            for sample, result in zip(inputs, results):
                self._draw(sample, result)
        return results

    def __call__(  # type: ignore[override]  # names an option that the base class has in kwargs
        self,
        inputs: Any,
        return_datasamples: bool = False,
        batch_size: int = 1,
        out_dir: str = '',
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Predict.

        Args:
            inputs: A video, a folder, a glob, a list, an array, a webcam, an address, or a list of several.
            return_datasamples: Return :class:`VideoPrediction` objects instead of plain dicts.
            batch_size: Videos per batch.
            out_dir: Folder for one picture per video, with its clips and the answers. '' draws none.
            kwargs: ``print_result`` prints one line per video. ``pred_out_file`` is a .json or .yaml file to write.
                ``stream_frames`` and ``windows`` are for webcams and addresses.

        Returns:
            ``predictions``, a list in the order of the inputs, and ``visualization``, the paths of the pictures.

        Raises:
            InputError: If an input cannot be used, or nothing can be written to ``out_dir`` or ``pred_out_file``.
        """
        self._out_dir = str(make_folder(out_dir)) if out_dir else ''
        self._drawn: list[str] = []
        _check_out_file(kwargs.get('pred_out_file', ''))
        return super().__call__(inputs, return_datasamples, batch_size, **kwargs)

    # Paths, not arrays as of the base class.
    def visualize(  # type: ignore[override]  # paths, as said above
        self, inputs: list, preds: list[VideoPrediction], show: bool = False, **kwargs: object
    ) -> list[str]:
        """Paths of the pictures that were drawn on the way."""
        return self._drawn

    def _draw(self, sample: dict[str, Any], result: VideoPrediction) -> None:
        """One row for each clip; frames that are predicted to play at another pace have a thick frame."""
        steps = self.pipeline.transforms
        swap = getattr(steps[0], 'channel_order', 'rgb') == 'bgr'
        segments = getattr(self.model.backbone, 'num_segments', None)
        views = _views(sample['inputs'], np.asarray(result.frame_inds).size, segments)  # (V, T, H, W, C)
        numbers = of_views(result.frame_inds, *views.shape[:2])
        seconds = None if result.frame_seconds is None else of_views(result.frame_seconds, *views.shape[:2])
        rows = []
        for view, frames in enumerate(views):
            answers = {task: one.clips[min(view, len(one.clips) - 1)] for task, one in result.tasks.items()}
            words = [f'{task}: {result[task].names[p.argmax()]} ({p.max():.2f})' for task, p in answers.items()]
            words += [
                f'true {task}: {one.truth[view]}' for task, one in result.tasks.items() if len(one.truth) == len(views)
            ]
            words += [] if seconds is None else [f'{seconds[view][0]:.2f} s to {seconds[view][-1]:.2f} s']
            shown = as_pictures(frames, getattr(self.model.data_preprocessor, 'value_range', None))
            shown = shown[..., ::-1] if swap else shown
            paced = self._paced({task: int(answer.argmax()) for task, answer in answers.items()}, len(frames))
            rows.append(SheetClip(shown, numbers[view].tolist(), paced, '   '.join(words)))
        name = f'{len(self._drawn):04d}_{file_stem(result.filename)}.png'
        title = f'{Path(result.filename).name}: frame numbers below; thick frame = predicted to play at another pace'
        self._drawn.append(str(draw_clip_sheet(rows, Path(self._out_dir, name), title)))

    def _paced(self, answers: Mapping[str, int], length: int) -> list[bool]:
        """Find the clip's frames with another pace according to the predicted classes, by the config's sampler."""
        sampler = self.sampler
        tasks = () if sampler is None else sampler.tasks
        # A head may have classes that the sampler does not draw.
        if (
            sampler is None
            or not tasks
            or not all(answers.get(task.name, len(task.class_names)) < len(task.class_names) for task in tasks)
        ):
            return [False] * length
        labels = {task.label_key: np.array([answers[task.name]]) for task in tasks}
        return sampler.paced_positions(labels, 0, length).tolist()

    def postprocess(  # type: ignore[override]  # pictures are paths; they are drawn while clips are at hand
        self,
        preds: list[VideoPrediction],
        visualization: list[str],
        return_datasample: bool = False,
        print_result: bool = False,
        pred_out_file: str = '',
        **kwargs: object,
    ) -> dict[str, Any]:
        """Plain dicts, printed and written as asked."""
        plain = [one.as_dict() for one in preds]
        if print_result:
            for one in preds:
                print(f'{one.filename}: {", ".join(_in_words(task, answer) for task, answer in one.tasks.items())}')
        if pred_out_file:
            mmengine.dump(dict(predictions=plain), pred_out_file)
        return dict(predictions=preds if return_datasample else plain, visualization=visualization)


def _views(inputs: Tensor, count: int, segments: int | None) -> np.ndarray:
    """Rows of a sheet (V, T, H, W, C) from clips (V, C, T, H, W), or from the frames (N, C, H, W) of a network of frames.

    Of frames, as many as the network takes together are a row. Without such a number, all ``count`` that were sampled are
    one, and there is a row for each crop.
    """
    if inputs.ndim == 4:
        length = segments if segments and count % segments == 0 else count
        return inputs.permute(0, 2, 3, 1).unflatten(0, (-1, length)).numpy()
    return inputs.permute(0, 2, 3, 4, 1).numpy()


def _in_words(task: str, answer: Prediction) -> str:
    truth = f', true {answer.truth[0]}' if len(answer.truth) == 1 else ''
    return f'{task} {answer.best} ({answer.probabilities.max():.2f}{truth})'


def _check_out_file(path: str) -> None:
    """Refuse, before the work, outputs that could not be written after it."""
    if path and not path.endswith(('.json', '.yaml', '.yml')):
        raise InputError(f'{path}: expected a .json or .yaml file')
    if path:
        check_writable(path)
