# Shared parts of the measurements from public weights (configs/recipes/warm_start.py): a network, 8 frames spread over each
# video, squeezed to a square. Lists by benchmarks/warm_start/run.py or tools/data/prepare_folder.py.
_base_ = ['../_base_/default_runtime.py']

# Variables: --cfg-options lists=... num_classes=... size=160 clip_len=16 still=True
lists = 'lists'
num_classes = None  # the names in {lists}/classes.txt
size = 112  # side of the square that the network sees
margin = 1.15  # of the square that a training crops from
clip_len = 8
flip = 0.5  # share of mirrored clips in training; 0 where left and right are classes
still = False  # True repeats one frame of each clip: measures what works without motion
# A small 3-D network, for rows from random weights. Rows from public weights set model.backbone, channels, mean and std.
backbone = dict(type='auxskd_mm.C3DBN', base_channels=16)
channels = 128
mean = [127.5, 127.5, 127.5]
std = [64.0, 64.0, 64.0]

data_preprocessor = dict(type='auxskd_mm.ClipDataPreprocessor', mean=mean, std=std)
sample = dict(type='UniformSample', clip_len=clip_len, test_mode=True)  # even steps, in training too
pack = dict(type='PackActionInputs', meta_keys=('filename',))
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    sample,
    dict(type='auxskd_mm.StillFrames', enabled=still),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(size, size), keep_ratio=False),
    dict(type='FormatShape', input_format='NCTHW'),
    pack,
]
env_cfg = dict(dist_cfg=dict(backend='gloo'))
