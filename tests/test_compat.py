"""Each workaround: acts where the upstream is broken, does nothing where it is whole.

Broken and whole upstreams are rebuilt as small fake packages in a process of their own, since a workaround changes what
is imported.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import subprocess
import sys
import textwrap
import types
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging.history_buffer import HistoryBuffer

from auxskd_mm import compat
from auxskd_mm.compat.checkpoints import _history_method
from auxskd_mm.errors import InputError

ROOT = Path(__file__).parents[1]


def run(code: str, *extra_paths: Path) -> str:
    """Run code in a fresh interpreter, with folders put in front of the import path.

    compat is loaded from its folder, and not through the package.
    """
    prelude = f"""
        import importlib.util, sys, types
        sys.path[:0] = {[str(p) for p in extra_paths]!r}
        package = types.ModuleType('auxskd_mm'); package.__path__ = [{str(ROOT / 'auxskd_mm')!r}]
        sys.modules['auxskd_mm'] = package
        from auxskd_mm import compat
    """
    code = textwrap.dedent(prelude) + textwrap.dedent(code)
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', code], capture_output=True, text=True, cwd='/')
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def fake(tmp_path: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
    return tmp_path


def test_drn_is_stubbed_only_where_missing(tmp_path):
    localizers = {
        'mmaction/__init__.py': '',
        'mmaction/models/__init__.py': 'from .localizers import DRN',
        'mmaction/models/localizers/__init__.py': 'from .drn.drn import DRN',
    }
    broken = fake(tmp_path / 'broken', localizers)
    whole = fake(
        tmp_path / 'whole',
        {
            **localizers,
            'mmaction/models/localizers/drn/__init__.py': '',
            'mmaction/models/localizers/drn/drn.py': 'DRN = "real"',
        },
    )
    code = """
        print(compat.stub_missing_drn(), compat.stub_missing_drn())
        from mmaction.models.localizers import DRN
        print(DRN if isinstance(DRN, str) else DRN.__name__)
        if not isinstance(DRN, str):
            try: DRN()
            except Exception as error: print(type(error).__name__)
    """
    assert run(code, broken).split() == ['True', 'False', 'DRN', 'InputError']
    assert run(code, whole).split() == ['False', 'False', 'real']


@pytest.mark.parametrize(
    ('version', 'left_out'), [('4.55.4', False), ('4.56.0', True), ('5.17.0', True), (None, False)]
)
def test_vindlu_is_left_out_where_transformers_lacks_its_names(tmp_path, version, left_out):
    names = '' if left_out else 'apply_chunking_to_forward = 1'
    files = {
        'mmaction/__init__.py': '',
        'mmaction/utils/__init__.py': '',
        'mmaction/utils/dependency.py': f'WITH_MULTIMODAL = {version is not None}',
        'mmaction/models/__init__.py': """
            from ..utils.dependency import WITH_MULTIMODAL
            if WITH_MULTIMODAL: from transformers.modeling_utils import apply_chunking_to_forward
        """,
    }
    if version is not None:
        files |= {
            'transformers/__init__.py': '',
            'transformers/modeling_utils.py': names,
            f'transformers-{version}.dist-info/METADATA': f'Metadata-Version: 2.1\nName: transformers\nVersion: {version}\n',
        }
    code = """
        print(compat.leave_out_vindlu(), compat.leave_out_vindlu())
        import mmaction.models
        print(mmaction.models.WITH_MULTIMODAL)
    """
    expected = [str(left_out), 'False', str(version is not None and not left_out)]
    assert run(code, fake(tmp_path, files)).split() == expected


def test_torchvision_beside_a_cpu_only_torch(tmp_path):
    # What torchvision's own import does: decorate an operator that its library, which did not load, should declare.
    source = """
        from torch import library
        @library.register_fake('torchvision::nms')
        def nms(dets, scores, iou_threshold): return dets
        @library.register_fake('torchvision::qnms')
        def qnms(dets, scores, iou_threshold): return dets
        value = 7
    """
    broken = fake(tmp_path / 'broken', {'torchvision/__init__.py': source})
    whole = fake(tmp_path / 'whole', {'torchvision/__init__.py': 'value = 7'})
    code = 'print(compat.declare_torchvision_operators()); import torchvision; print(torchvision.value)'
    assert run(code, broken).split() == ['True', '7']
    assert run(code, whole).split() == ['False', '7']


def test_packaged_configs_resolve_without_pkg_resources():
    # A finder that hides pkg_resources, as setuptools 82 and later leave it.
    hide = """
        class Hide:
            def find_spec(self, name, path=None, target=None):
                if name.split('.')[0] == 'pkg_resources': raise ModuleNotFoundError(name)
        real = importlib.util.find_spec
        def find_spec(name, package=None):
            return None if name == 'pkg_resources' else real(name, package)
        importlib.util.find_spec = find_spec
        sys.meta_path.insert(0, Hide())
    """
    code = """
        import os
        print(compat.replace_pkg_resources())
        from mmengine.config.config import Config
        base = 'mmaction::recognition/slowonly/slowonly_r50_8xb16-4x16x1-256e_kinetics400-rgb.py'
        path, scope = Config._get_cfg_path(base, 'x.py')
        print(os.path.isfile(path), scope)
    """
    assert run(textwrap.dedent(hide) + textwrap.dedent(code)).split() == ['True', 'True', 'mmaction']
    if importlib.util.find_spec('pkg_resources') is not None:
        assert run(code).split() == ['False', 'True', 'mmaction']


def test_installed_path_agrees_with_the_import():
    import mmaction
    import mmengine

    assert compat.get_installed_path('mmaction2') == str(Path(mmaction.__file__).parent)
    assert compat.get_installed_path('mmengine') == str(Path(mmengine.__file__).parent)
    assert compat.is_installed('mmaction2')
    assert not compat.is_installed('surely_not_installed')
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        compat.get_installed_path('surely_not_installed')


def test_config_scope_is_known_once():
    from mmengine.config.utils import MODULE2PACKAGE

    assert MODULE2PACKAGE['auxskd_mm'] == 'auxskd_mm'  # done by the import
    assert compat.register_config_scope() is False
    del MODULE2PACKAGE['auxskd_mm']
    assert compat.register_config_scope() is True


@pytest.mark.parametrize('place', ['cv2', 'cv2.utils.logging'])
def test_opencvs_log_level_is_found_in_old_and_new_versions(monkeypatch, place):
    functions = types.SimpleNamespace(getLogLevel=lambda: 3, setLogLevel=lambda level: None)
    new = types.SimpleNamespace(utils=types.SimpleNamespace(logging=functions))
    old = types.SimpleNamespace(utils=types.SimpleNamespace(), **vars(functions))
    monkeypatch.setitem(sys.modules, 'cv2', old if place == 'cv2' else new)
    assert compat.opencv_logging().getLogLevel() == 3


def test_flat_config_names_resolve_where_mmengine_refuses_them():
    code = """
        import mmengine.config.config as mmengine_config
        from mmengine.config import utils

        def show():
            print(compat.allow_flat_config_names(), compat.allow_flat_config_names())
            for path in ('mmaction::flat.py', 'mmaction::a/b.py'):
                print(utils._get_package_and_cfg_path(path))

        broken = utils._get_package_and_cfg_path
        utils._get_package_and_cfg_path = lambda path: ("mmaction2", path.partition("::")[2])
        show()
        utils._get_package_and_cfg_path = broken
        show()
        for path in ('mmaction::', 'nothing::flat.py'):
            try: mmengine_config._get_package_and_cfg_path(path)
            except Exception as error: print(type(error).__name__)
    """
    told = ["('mmaction2', 'flat.py')", "('mmaction2', 'a/b.py')"]
    assert run(code).splitlines() == ['False False', *told, 'True False', *told, 'ValueError', 'AssertionError']


def test_mmengine_checkpoints_load_safely_and_hostile_ones_do_not(tmp_path):
    history = HistoryBuffer([1.0, 2.5], [1, 1], 100)
    message_hub = dict(log_scalars={'train/loss': history}, runtime_info=dict(iter=np.int64(3), lr=np.float64(0.1)))
    torch.save(dict(state_dict={'w': torch.ones(2)}, message_hub=message_hub), tmp_path / 'epoch_1.pth')
    loaded = torch.load(tmp_path / 'epoch_1.pth', weights_only=True)
    assert loaded['message_hub']['log_scalars']['train/loss'].data[0].tolist() == [1.0, 2.5]

    assert loaded['message_hub']['log_scalars']['train/loss'].statistics('mean') == 1.75

    class Hostile:
        def __reduce__(self):
            return Path.touch, (tmp_path / 'ran',)

    torch.save(dict(state_dict=Hostile()), tmp_path / 'hostile.pth')
    with pytest.raises(Exception, match=r'weights_only|Unsupported|WeightsUnpickler|do not trust it'):
        torch.load(tmp_path / 'hostile.pth', weights_only=True)
    assert not (tmp_path / 'ran').exists()
    with pytest.raises(InputError, match='do not trust it'):
        _history_method(Path, 'touch')
    torch.load(tmp_path / 'hostile.pth', weights_only=False)
    assert (tmp_path / 'ran').exists()  # so the refusal above is what kept it from running


def test_pytorchvideo_transforms_import():
    code = """
        compat.declare_torchvision_operators()
        print(compat.alias_functional_tensor(), compat.alias_functional_tensor())
        import pytorchvideo.transforms
        print(pytorchvideo.transforms.UniformTemporalSubsample.__name__)
    """
    first, second, name = run(code).split()
    assert (second, name) == ('False', 'UniformTemporalSubsample')
    assert first == 'True'  # torchvision >= 0.17 has no functional_tensor


def test_only_the_message_about_an_operator_that_nothing_uses_is_held_back(tmp_path):
    lite = {
        'mmcv/__init__.py': '',
        'mmcv/cnn/__init__.py': '',
        'mmcv/cnn/bricks/__init__.py': '',
        'mmcv/cnn/bricks/transformer.py': """
            import warnings
            warnings.warn('Fail to import ``MultiScaleDeformableAttention`` from ``mmcv.ops``, you should ...')
            warnings.warn('something else')
        """,
    }
    code = """
        import warnings
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter('always')
            print(compat.quiet_missing_operator(), 'mmcv.cnn.bricks.transformer' in sys.modules, len(seen))
            print(compat.quiet_missing_operator(), *(str(one.message) for one in seen))
    """
    broken = fake(tmp_path / 'lite', lite)
    whole = fake(tmp_path / 'full', {**lite, 'mmcv/_ext.py': ''})
    assert run(code, broken).splitlines() == ['True True 1', 'False something else']
    assert run(code, whole).splitlines() == ['False False 0', 'False']


def test_missing_mmcv_says_what_to_run():
    code = """
        importlib.util.find_spec = lambda name, package=None: None
        try: compat.require_mmcv()
        except Exception as error: print(error)
    """
    assert 'pip install' in run(code)
    assert compat.require_mmcv() is False


def test_process_group_only_without_an_accelerator(monkeypatch):
    started = []
    monkeypatch.setattr(torch.distributed, 'init_process_group', started.append)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    assert compat.start_process_group('pytorch') is False
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    assert compat.start_process_group('none') is False
    assert compat.start_process_group('pytorch') is True
    assert started == ['gloo']


def test_device_ids_are_left_out_on_the_cpu_alone(monkeypatch):
    import mmengine.device

    monkeypatch.setattr(mmengine.device, 'get_device', lambda: 'cpu')
    config = Config(dict(launcher='pytorch', find_unused_parameters=True))
    assert compat.leave_out_device_ids(config) is True
    assert config.model_wrapper_cfg == dict(
        type='MMDistributedDataParallel', broadcast_buffers=False, find_unused_parameters=True, device_ids=None
    )
    assert compat.leave_out_device_ids(config) is False
    own = Config(dict(launcher='pytorch', model_wrapper_cfg=dict(broadcast_buffers=True)))
    assert compat.leave_out_device_ids(own) is True
    assert own.model_wrapper_cfg == dict(broadcast_buffers=True, device_ids=None)
    for untouched in (
        dict(launcher='none'),
        dict(launcher='pytorch', model_wrapper_cfg=dict(type='MMFullyShardedDataParallel')),
    ):
        assert compat.leave_out_device_ids(Config(untouched)) is False
    monkeypatch.setattr(mmengine.device, 'get_device', lambda: 'cuda')
    assert compat.leave_out_device_ids(Config(dict(launcher='pytorch'))) is False


def test_an_old_torch_is_named_with_the_one_that_is_needed(monkeypatch):
    for version in ('2.5.1+cu121', '1.13.0'):
        monkeypatch.setattr(torch, '__version__', version)
        with pytest.raises(InputError, match=rf'torch {version[:4]}.* is installed and auxskd_mm needs 2\.6 or newer'):
            compat.require_torch()
    for version in ('2.6.0', '2.14.1+cpu', '3.0.0a0+gitabc'):
        monkeypatch.setattr(torch, '__version__', version)
        assert compat.require_torch() is False
    assert f"'torch>={'.'.join(map(str, compat.OLDEST_TORCH))}'" in (ROOT / 'setup.py').read_text()


def test_heads_of_mmaction_train_in_bfloat16():
    """The loss of bfloat16 scores is that of the same numbers in float32, as under autocast, where cross-entropy casts them."""
    from mmaction.models.heads import TSNHead
    from mmaction.structures import ActionDataSample

    head = TSNHead(num_classes=4, in_channels=3)
    scores = torch.tensor([[1.0, 2.0, 0.5, -1.0], [0.25, 0.0, 3.0, 1.0]], requires_grad=True)
    samples = [ActionDataSample().set_gt_label(label) for label in (1, 3)]
    found = head.loss_by_feat(scores.bfloat16(), samples)
    expected = torch.nn.functional.cross_entropy(scores, torch.tensor([1, 3]))
    assert float(found['loss_cls'].detach()) == pytest.approx(float(expected.detach()), rel=1e-6)
    assert float(found['top1_acc']) == 0.5
    found['loss_cls'].backward()
    assert float(scores.grad.abs().sum()) > 0
    with pytest.raises(TypeError, match='BFloat16'):  # as long as upstream needs it
        type(head).loss_by_feat.__wrapped__(head, scores.bfloat16(), samples)


def test_apply_is_idempotent():
    assert not any(acted for name, acted in compat.apply().items() if name != 'allow_checkpoint_globals')


def test_torchvision_is_mended_when_it_is_imported_and_not_before(tmp_path):
    source = """
        from torch import library
        @library.register_fake('torchvision::nms')
        def nms(dets, scores, iou_threshold): return dets
        @library.register_fake('torchvision::qnms')
        def qnms(dets, scores, iou_threshold): return dets
        value = 7
        print('run')
    """
    broken = fake(tmp_path / 'broken', {'torchvision/__init__.py': source, 'torchvision/ops.py': 'inner = 8'})
    code = """
        compat.apply()
        before = 'torchvision' in sys.modules
        import torchvision
        from torchvision.ops import inner
        print(before, torchvision.value, inner, torchvision.__spec__.origin is not None)
    """
    assert run(code, broken).split() == ['run', 'False', '7', '8', 'True']  # once


TENSOR = 'torchvision.transforms._functional_tensor'


def test_a_question_for_torchvision_is_no_import():
    """transformers asks for it twice before it imports it; the second question once raised `__spec__ is None`."""
    code = """
        import importlib.util
        compat.apply()
        asked = [importlib.util.find_spec('torchvision') for _ in range(2)]
        print('torchvision' in sys.modules, asked[0].origin == asked[1].origin)
        import torchvision
        from torchvision.transforms import functional_tensor, functional
        real = torchvision.__spec__
        print(real.origin == asked[0].origin == torchvision.__file__, real.loader is not asked[0].loader)
        print(list(real.submodule_search_locations) == list(asked[0].submodule_search_locations))
        print(functional_tensor.__name__, importlib.util.find_spec('torchvision') is real, functional.__spec__ is not None)
    """
    assert run(code).split() == ['False', 'True', 'True', 'True', 'True', TENSOR, 'True', 'True']


def test_torchvision_that_is_not_there_is_not_found():
    code = """
        import importlib.util
        compat.apply()
        paths = sys.path[:]
        sys.path[:] = [path for path in paths if 'site-packages' not in path]
        importlib.invalidate_caches()
        print(importlib.util.find_spec('torchvision'))
        sys.path[:] = paths
        importlib.invalidate_caches()
        print(importlib.util.find_spec('torchvision').name)
    """
    assert run(code).split() == ['None', 'torchvision']


# MMEngine and MMAction2 load scipy and sympy themselves; what is here they do without.
HEAVY = (
    'torchvision',
    'torch._dynamo',
    'torch._inductor',
    'torch.utils.flop_counter',
    'fvcore.nn',
    'sklearn',
    'matplotlib',
)
HEAVY += ('pytorchvideo', 'onnx', 'jinja2', 'av', 'decord', 'PIL.Image', 'tensorboard')
HEAVY += ('onnxruntime', 'faiss', 'pandas', 'umap', 'auxskd_mm.apis', 'auxskd_mm.recipes', 'auxskd_mm.zoo')


def test_a_bare_import_loads_nothing_that_it_may_not_need():
    code = f"""
        import mmaction
        compat.stub_missing_drn()
        compat.leave_out_vindlu()
        import mmaction.models, mmaction.datasets
        base = set(sys.modules)
        for name in [name for name in sys.modules if name.split('.')[0] == 'auxskd_mm']:
            del sys.modules[name]
        sys.path.insert(0, {str(ROOT)!r})
        import auxskd_mm.models
        assert auxskd_mm.__version__
        print([name for name in {HEAVY!r} if name in sys.modules and name not in base])
    """
    assert run(code).strip() == '[]'


def test_frames_of_any_number_of_channels_are_resized_as_each_channel_alone():
    import mmcv  # the package has been imported, and with it the workaround

    assert not compat.resize_any_channels()
    frame = np.random.default_rng(0).integers(0, 256, (8, 10, 6), dtype=np.uint8)
    whole = mmcv.imresize(frame, (5, 4))
    for i in range(6):
        alone = mmcv.imresize.__wrapped__(np.ascontiguousarray(frame[..., i]), (5, 4))
        # OpenCV rounds groups of channels otherwise than one channel, by one step at most.
        np.testing.assert_allclose(whole[..., i].astype(int), alone, atol=1)
    assert mmcv.imresize(frame[..., :1], (5, 4)).shape == (4, 5, 1)


@pytest.mark.parametrize('factor', [-0.5, -0.02, 0.02, 0.5])
def test_hues_are_shifted_in_both_directions_around_the_circle(factor):
    from mmaction.datasets.transforms import ColorJitter

    hues = np.arange(180, dtype=np.uint8)
    full = np.full_like(hues, 255)
    colours = cv2.cvtColor(np.stack([hues, full, full], -1)[None], cv2.COLOR_HSV2RGB)
    got = ColorJitter.adjust_hue(colours.astype(np.float32), factor)
    assert got.dtype == np.float32
    shifted = cv2.cvtColor(got.astype(np.uint8), cv2.COLOR_RGB2HSV)[0, :, 0].astype(int)
    seen = cv2.cvtColor(colours, cv2.COLOR_RGB2HSV)[0, :, 0].astype(int)
    assert np.abs((shifted - seen - int(factor * 255) + 90) % 180 - 90).max() <= 1  # OpenCV rounds
    assert not compat.whole_hues()
    ColorJitter(hue=0.5).transform(dict(imgs=[colours[0][None]] * 4))
