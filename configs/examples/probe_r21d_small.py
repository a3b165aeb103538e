# Frozen features of auxskd_r21d_small.py or vspp_r21d_small.py, extracted once: linear probe, k-NN and retrieval.
# Lists by tools/data/prepare_folder.py. Run: tools/test.py CONFIG CHECKPOINT, or `none` for random weights.
_base_ = ['../_base_/default_runtime.py']

# Variables: --cfg-options lists=... still=True fps=...
lists = 'lists'
fps = None  # as in the pretraining
still = False  # True repeats one frame of each clip: measures what works without motion
model = dict(
    type='Recognizer3D',
    backbone=dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=8),
    cls_head=dict(type='auxskd_mm.ClipFeatureHead', pooling='average'),
    data_preprocessor=dict(type='auxskd_mm.ClipDataPreprocessor', to_rgb=True),  # BGR in 0-255, as in the pretraining
)
num_clips = 5
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(
        type='auxskd_mm.TimedSampleFrames',
        clip_len=16,
        frame_interval=2,
        num_clips=num_clips,
        fps=fps,
        test_mode=True,
    ),
    dict(type='auxskd_mm.StillFrames', enabled=still),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(64, 48), keep_ratio=False),
    dict(type='CenterCrop', crop_size=40),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', meta_keys=('filename',)),
]
test_dataloader = dict(
    batch_size=8,
    num_workers=1,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='auxskd_mm.GalleryQueryDataset',
        common=dict(type='auxskd_mm.LabeledVideoDataset', pipeline=test_pipeline, test_mode=True),
        gallery=dict(ann_file=f'{lists}/train.txt'),
        query=dict(ann_file=f'{lists}/test.txt'),
    ),
)
test_evaluator = [
    # Groups (scenes, persons) are held out whole when the weight decay is chosen, too.
    dict(type='auxskd_mm.LinearProbeMetric', val_share=0.2, group_file=f'{lists}/groups.csv', save_to=None),
    dict(type='auxskd_mm.KNNMetric', k=10, temperature=0.07),
    dict(type='auxskd_mm.RetrievalMetric', ks=(1, 5, 10)),
]
test_cfg = dict(type='TestLoop')
env_cfg = dict(dist_cfg=dict(backend='gloo'))
