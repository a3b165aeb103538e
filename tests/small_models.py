"""MMAction2's backbones, all as small as they go, and the methods on them."""

import torch
from mmaction.structures import ActionDataSample
from mmengine.config import Config

BATCH = 4

SLOW = dict(depth=50, pretrained=None, base_channels=4, norm_eval=False)
RESNET2D = dict(depth=50, pretrained=None, num_stages=2, strides=(1, 2), dilations=(1, 1), out_indices=(1,))
PATHWAY = dict(type='resnet3d', depth=18, pretrained=None, conv1_stride_t=1, pool1_stride_t=1, norm_eval=False)
MMACTION = {  # name: (config, frames, height and width)
    'ResNet3d': (dict(type='ResNet3d', depth=18, pretrained=None, base_channels=4), 4, 8),
    'ResNet2Plus1d': (
        dict(
            type='ResNet2Plus1d',
            depth=18,
            pretrained=None,
            pretrained2d=False,
            base_channels=4,
            conv_cfg=dict(type='Conv2plus1d'),
        ),
        4,
        8,
    ),
    'ResNet3dSlowOnly': (dict(type='ResNet3dSlowOnly', **SLOW), 2, 8),
    'X3D': (dict(type='X3D', gamma_w=0.5, gamma_d=0.4), 2, 16),
    'ResNet3dCSN': (dict(type='ResNet3dCSN', pretrained2d=False, with_pool2=False, **SLOW), 4, 8),
    'SwinTransformer3D': (
        dict(
            type='SwinTransformer3D',
            arch=dict(embed_dims=8, depths=[1, 1, 1, 1], num_heads=[1, 1, 2, 2]),
            pretrained2d=False,
            window_size=(2, 2, 2),
        ),
        4,
        32,
    ),
    'MViT': (
        dict(
            type='MViT',
            arch=dict(embed_dims=8, num_layers=2, num_heads=1, downscale_indices=[1]),
            spatial_size=16,
            temporal_size=4,
        ),
        4,
        16,
    ),
    'VisionTransformer': (
        dict(type='VisionTransformer', img_size=16, patch_size=8, embed_dims=16, depth=1, num_heads=2, num_frames=4),
        4,
        16,
    ),
    'C2D': (dict(type='C2D', **RESNET2D), 4, 16),
    'C3D': (dict(type='C3D', out_dim=2048), 16, 32),
    'MobileNetV2': (dict(type='MobileNetV2', pretrained=None, widen_factor=0.1), 4, 32),
    'MobileNetV2TSM': (dict(type='MobileNetV2TSM', pretrained=None, widen_factor=0.1, num_segments=4), 4, 32),
    'OmniResNet': (dict(type='OmniResNet', layers=[1, 1, 1, 1]), 4, 16),
    'ResNet': (dict(type='ResNet', **RESNET2D), 4, 16),
    'ResNet3dSlowFast': (
        dict(
            type='ResNet3dSlowFast',
            resample_rate=4,
            speed_ratio=4,
            channel_ratio=4,
            slow_pathway=dict(PATHWAY, lateral=True, base_channels=16, conv1_kernel=(1, 7, 7), inflate=(0, 0, 1, 1)),
            fast_pathway=dict(PATHWAY, lateral=False, base_channels=4, conv1_kernel=(5, 7, 7)),
        ),
        8,
        16,
    ),
    'ResNetTIN': (dict(type='ResNetTIN', depth=18, pretrained=None, num_segments=4, shift_div=4), 4, 16),
    'ResNetTSM': (dict(type='ResNetTSM', depth=18, pretrained=None, num_segments=4), 4, 16),
    'TANet': (dict(type='TANet', num_segments=4, **RESNET2D), 4, 16),
    'TimeSformer': (
        dict(
            type='TimeSformer',
            num_frames=4,
            img_size=16,
            patch_size=8,
            embed_dims=16,
            num_heads=2,
            num_transformer_layers=1,
        ),
        4,
        16,
    ),
    'UniFormer': (
        dict(
            type='UniFormer',
            depth=[1, 1, 1, 1],
            img_size=32,
            embed_dim=[8, 8, 16, 16],
            head_dim=8,
        ),
        4,
        32,
    ),
    'UniFormerV2': (
        dict(
            type='UniFormerV2',
            input_resolution=32,
            patch_size=16,
            width=16,
            layers=2,
            heads=2,
            t_size=4,
            return_list=[1],
            n_layers=1,
            n_dim=16,
            n_head=2,
            clip_pretrained=False,
        ),
        4,
        32,
    ),
}


def recogniser(backbone, **head):
    return dict(type='Recognizer3D', backbone=backbone, cls_head=head)


def aux_skd(backbone, width):
    neck = dict(type='auxskd_mm.MLP', in_channels=width, out_channels=8)
    predictor = dict(type='auxskd_mm.MLP', in_channels=8, hidden_channels=8, out_channels=8)
    return dict(type='auxskd_mm.AuxSKD', backbone=backbone, neck=neck, predictor=predictor, queue_size=16)


def rspnet(backbone, width):
    head = dict(type='auxskd_mm.RelativeSpeedHead', in_channels=width, out_channels=8)
    return dict(type='auxskd_mm.RSPNet', backbone=backbone, head_a=head, queue_size=16)


METHODS = {  # name: (model of backbone and width, views, clip lengths in a view, labels, losses)
    'VSPP': (
        lambda b, c: recogniser(b, type='auxskd_mm.VSPPHead', in_channels=c),
        1,
        1,
        dict(pace_label=4, segment_label=4),
        {'loss_speed', 'loss_segment'},
    ),
    'auxSKD': (aux_skd, 2, 1, {}, {'loss_similarity'}),
    'VideoPace': (
        lambda b, c: recogniser(b, type='auxskd_mm.PaceHead', in_channels=c),
        1,
        1,
        dict(pace_label=4),
        {'loss_pace'},
    ),
    'VideoPace+contrastive': (
        lambda b, c: recogniser(b, type='auxskd_mm.PaceHead', in_channels=c, contrastive='same_context'),
        2,
        1,
        dict(pace_label=4),
        {'loss_pace', 'loss_contrastive'},
    ),
    'VCOP': (
        lambda b, c: recogniser(b, type='auxskd_mm.ClipOrderHead', in_channels=c, hidden_channels=8),
        3,
        1,
        dict(order_label=6),
        {'loss_order'},
    ),
    'RSPNet': (rspnet, 2, 2, {}, {'loss_appearance', 'loss_motion'}),
}


def make_batch(views, frames, size, labels):
    torch.manual_seed(1)
    samples = []
    for i in range(BATCH):
        sample = ActionDataSample()
        for key, classes in labels.items():
            count = 1 if key == 'order_label' else views
            sample.set_field((torch.arange(count) + i) % classes, key)
        samples.append(sample)
    return dict(
        inputs=list(torch.randint(0, 256, (BATCH, views, 3, frames, size, size), dtype=torch.uint8)),
        data_samples=samples,
    )


def stock_recogniser(network, crop):
    """A recogniser of clips or of frames whose test pipeline draws two clips of four frames."""
    shape = 'NCHW' if network == 'frames' else 'NCTHW'
    pipeline = [
        dict(type='DecordInit'),
        dict(type='SampleFrames', clip_len=4, num_clips=2, test_mode=True),
        dict(type='DecordDecode'),
        dict(type='Resize', scale=(-1, 32)),
        dict(type=crop, crop_size=32),
        dict(type='FormatShape', input_format=shape),
        dict(type='PackActionInputs'),
    ]
    model = dict(
        type='Recognizer3D',
        backbone=dict(type='auxskd_mm.R3DVCOP', base_channels=2),
        cls_head=dict(type='I3DHead', num_classes=3, in_channels=16, average_clips='prob'),
    )
    if network == 'frames':
        model = dict(
            type='Recognizer2D',
            backbone=dict(type='MobileNetV2', widen_factor=0.1),
            cls_head=dict(type='TSNHead', num_classes=3, in_channels=1280, average_clips='prob'),
        )
    model['data_preprocessor'] = dict(
        type='ActionDataPreprocessor', mean=[0.0] * 3, std=[255.0] * 3, format_shape=shape
    )
    loader = dict(batch_size=1, num_workers=0, dataset=dict(type='VideoDataset', ann_file='', pipeline=pipeline))
    return Config(dict(default_scope='mmaction', model=model, test_dataloader=loader))
