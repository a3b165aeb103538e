"""The explanation of a config, compared with the config."""

import re

import pytest
from conftest import write_video
from mmengine.config import Config
from tool_runs import CONFIGS

from auxskd_mm.apis import load_config
from auxskd_mm.config.explain import count_samples, describe_config
from auxskd_mm.config.explain_recipe import describe_recipe
from auxskd_mm.config.explain_training import schedule_in_words, starting_weights
from auxskd_mm.errors import InputError


def described(name, *, gpus=1, **options):
    path = str(CONFIGS / name)
    return describe_config(
        load_config(path, {key.replace('__', '.'): value for key, value in options.items()}), path, gpus=gpus
    )


def test_auxskd():
    text = described('auxskd_r21d_k100.py', gpus=2)
    for line in (
        r'Faithful to auxSKD of Plrbear/auxSKD @ 79e99b8',
        r'auxSKD, the auxiliary phase',
        r'backbone R2Plus1DVCOP, 14\.37 M parameters',  # 14,365,303 in the original
        r'queue of 15360 anchors of 128 numbers',
        r'teacher = 0\.999 teacher',
        r'a sample is 2 x 3 x 16 x 112 x 112 ',
        r'k100\.list, which is not there yet',
        r'effective batch 60 \(30 samples x 2 processes\)',
        r'SGD, learning rate 0\.001, momentum 0\.9, weight_decay 0\.005',
        r'not scaled; made for batches of 30: --auto-scale-lr would make it 0\.002 for 60',
        r'schedule: times 0\.1 every 6 epochs \(StepLR\)',
        r'25 epochs$',
        r'custom_hooks.*',
    ):
        assert re.search(f'^ *(.*)?{line}', text, re.MULTILINE), line
    assert re.search(r'^ +auxskd_r21d_k100\.py over default_runtime\.py: custom_hooks$', text, re.MULTILINE)


def test_what_a_child_inherits_is_said():
    text = described('vspp_r3d_k100.py')
    assert 'Faithful to' not in text
    assert 'faithful to a paper; its base vspp_r21d_k100.py says so of itself, and this one sets model' in text
    assert re.search(r'^ +vspp_r3d_k100\.py over vspp_r21d_k100\.py: model$', text, re.MULTILINE)
    assert 'does not say that it is faithful' in described('examples/vspp_slowonly_mmaction.py')


def test_speeds_are_those_of_the_config():
    text = described('demo/vspp_motion.py')
    assert 'sped up 1, 2, 4 or 8 times' in text
    assert 'a forward pass takes 1 x 1 x 3 x 16 x 40 x 40 and yields backbone 1 x 64 x 2 x 2 x 2, pace 1 x 4' in text


def test_a_network_that_does_not_fit_is_said_in_one_line():
    line = 'a forward pass fails: model.cls_head.in_channels=9, but the backbone yields 64 channels'
    assert f'  {line}\n' in described('demo/vspp_motion.py', model__cls_head__in_channels=9)


def test_starting_weights_are_named():
    def start(**model):
        return starting_weights(Config(dict(model=dict(model))))

    address = 'https://download.pytorch.org/models/resnet50-11ad3fa6.pth'
    said = f'{address} (ImageNet weights, downloaded) in model.backbone, random weights elsewhere'
    assert start(backbone=dict(type='ResNet3d', pretrained=address)) == said
    init_cfg = dict(type='Pretrained', checkpoint='none.pth')
    assert (
        start(neck=dict(init_cfg=init_cfg))
        == 'none.pth, which is not there yet in model.neck, random weights elsewhere'
    )
    assert start(backbone=dict(pretrained=None)) == 'random weights'
    ours = dict(type='Pretrained', checkpoint='auxskd_mm://vspp_motion')
    # They come with this package: nothing is downloaded.
    assert start(backbone=dict(init_cfg=ours)) == 'auxskd_mm://vspp_motion in model.backbone, random weights elsewhere'
    assert starting_weights(Config(dict(load_from='s3://b/x.pth', model=dict(pretrained=address)))) == (
        's3://b/x.pth (downloaded)'
    )
    options = dict(model__backbone__pretrained='torchvision://resnet50')
    text = described('examples/vspp_slowonly_mmaction.py', **options)
    assert 'starts from torchvision://resnet50 (ImageNet weights, downloaded) in model.backbone' in text
    assert 'starts from random weights' not in text


@pytest.mark.parametrize(
    ('entry', 'words'),
    [
        (
            dict(type='LinearLR', start_factor=0.1, by_epoch=True, end=2, convert_to_iter_based=True),
            'warm-up from 0.1 to 1 times the learning rate, from epoch 0 to epoch 2, changed after each iteration (LinearLR)',
        ),
        (
            dict(type='LinearLR', end_factor=0.1, start_factor=1),
            'line from 1 to 0.1 times the learning rate (LinearLR)',
        ),
        (dict(type='MultiStepLR', milestones=[3, 5], gamma=0.2), 'times 0.2 after epoch 3, 5 (MultiStepLR)'),
        (dict(type='StepLR', step_size=1, by_epoch=False), 'times 0.1 every iteration (StepLR)'),
        (
            dict(type='CosineAnnealingLR', T_max=22, begin=2, eta_min=1e-5),
            'cosine down to 1e-05 in 22 epochs, from epoch 2 to the end (CosineAnnealingLR)',
        ),
        (dict(type='OneCycleLR', eta_max=1), 'OneCycleLR(eta_max=1)'),
    ],
)
def test_schedules_are_words(entry, words):
    assert schedule_in_words(entry) == words


def test_scaling_accumulation_and_data_that_are_there(tmp_path):
    for i in range(3):
        write_video(tmp_path / f'{i}.mp4')
    options = dict(
        train_dataloader__dataset__source=str(tmp_path),
        optim_wrapper__accumulative_counts=4,
        auto_scale_lr__enable=True,
    )
    text = described('vspp_r21d_k100.py', gpus=2, **options)
    assert 'effective batch 240 (30 samples x 2 processes x 4 accumulated)' in text
    assert 'scaled with the batch: 0.001 x 60 / 30 = 0.002' in text
    assert f'of {tmp_path}, gone through 10 times per epoch, 30 samples per epoch' in text
    assert '20 epochs, 1 iterations each' in text
    options.update(train_dataloader__drop_last=True, train_dataloader__batch_size=4)
    assert '20 epochs, 3 iterations each' in described('vspp_r21d_k100.py', gpus=2, **options)
    config = load_config(str(CONFIGS / 'rspnet_r21d_k100.py'))
    assert count_samples(config.train_dataloader.dataset) is None
    text = described('rspnet_r21d_k100.py', gpus=4)
    assert 'scaled with the batch: 0.05 x 128 / 64 = 0.1' in text  # methods.md: README runs 4 GPUs, so 0.1
    assert 'grey with p = 0.2, colour jitter with p = 1.0' in text


def test_a_training_by_steps_at_the_rate_of_the_optimizer(tmp_path):
    path = tmp_path / 'child.py'
    path.write_text(
        f"_base_ = '{CONFIGS}/' + 'vspp_r21d_k100.py'\n"
        "optim_wrapper = dict(optimizer=dict(_delete_=True, type='Adam'))\n"
        'train_cfg = dict(_delete_=True, by_epoch=False, max_iters=70)\n'
    )
    text = describe_config(load_config(str(path)), str(path))
    assert re.search(r'^  Adam, learning rate 0\.001$', text, re.MULTILINE)
    assert re.search(r'^  70 iterations$', text, re.MULTILINE)
    path.write_text(path.read_text().replace("'Adam'", "'Adam', lr=None"))
    with pytest.raises(InputError, match=r'optim_wrapper\.optimizer\.lr=None: expected a number'):
        describe_config(load_config(str(path)), str(path))


@pytest.mark.parametrize('kind', ['yml', 'json'])
def test_a_config_that_is_no_python(kind, tmp_path):
    base = CONFIGS / 'vspp_r21d_k100.py'
    path = tmp_path / f'child.{kind}'
    path.write_text(f'_base_: {base}\n' if kind == 'yml' else f'{{"_base_": "{base}"}}')
    text = describe_config(load_config(str(path)), str(path))
    assert 'its base vspp_r21d_k100.py says so of itself, and this one sets nothing' in text
    assert re.search(r'^  vspp_r21d_k100\.py: model, optim_wrapper, ', text, re.MULTILINE)


def test_clips_are_counted_in_a_config_that_inherits_by_address(tmp_path):
    write_video(tmp_path / '0.mp4')
    config = Config.fromfile(str(CONFIGS / 'examples' / 'vspp_r21d_small.py'))
    dataset = dict(config.train_dataloader.dataset, source=str(tmp_path), _scope_='auxskd_mm')
    assert count_samples(dataset) == 2


def test_a_measurement():
    text = described('downstream/probe_r21d_ucf101.py')
    assert 'takes the weights of the checkpoint that tools/test.py is given' in text
    assert re.search(r'^training\n +none$', text, re.MULTILINE)
    assert 'test: LinearProbeMetric, KNNMetric' in text


def test_recipes(tmp_path):
    text = described('recipes/auxskd_vspp_r21d_k100.py')
    assert '1. auxskd: ../auxskd_r21d_k100.py, from random weights' in text
    assert "2. vspp: ../vspp_r21d_k100.py, from the backbone of 'auxskd', tested at its end" in text
    (tmp_path / 'a.py').touch()
    recipe = Config(
        dict(
            phases=[dict(name='a', config='a.py', options={'x.y': 1})],
            inits=[dict(name='scratch', title='from scratch'), dict(name='a')],
            evaluations=[dict(name='finetune', config='a.py')],
        )
    )
    assert describe_recipe(recipe, tmp_path) == [
        '1. a: a.py, from random weights',
        '   x.y = 1',
        'then finetune: a.py, for each of: from scratch; a',
    ]
    with pytest.raises(InputError, match=r"phase 'b': no config .*b\.py"):
        describe_recipe(Config(dict(phases=[dict(name='b', config='b.py')])), tmp_path)
    with pytest.raises(InputError, match='needs a name and a config'):
        describe_recipe(Config(dict(phases=[dict(name='b')])), tmp_path)


def test_nothing_to_explain(tmp_path):
    (tmp_path / 'empty.py').write_text('a = 1\n')
    with pytest.raises(InputError, match='has neither a model nor phases'):
        describe_config(Config(dict(a=1)), str(tmp_path / 'empty.py'))


# Those for HMDB51 are those for UCF101 with other lists.
SHIPPED = [
    name
    for path in sorted(CONFIGS.rglob('*.py'))
    if '_base_' not in (name := str(path.relative_to(CONFIGS))) and 'hmdb51' not in name
]


@pytest.mark.parametrize('name', SHIPPED)
def test_every_shipped_config_can_be_explained(name):
    text = described(name)
    assert text.startswith('config\n')
    assert '\ninherited\n' in text


def test_a_blending_is_named():
    text = described('warm_start/finetune_mixed_features.py', num_classes=3)
    assert 'on the device: float, in training batches are blended (MixupBlending)' in text


def test_a_network_that_is_built_with_numbers_is_run_with_numbers():
    """Blending cannot be built on the meta device, so the network is not there either; an image network says sizes in errors."""
    text = described('warm_start/finetune_mixed_features.py', num_classes=7, network='adapted', lr=6e-3)
    assert 'a forward pass takes 1 x 1 x 112 x 8 x 7 x 7 and yields backbone 1 x 320 x 8 x 4 x 4, class 1 x 7' in text
