# UCF101 for retrieval, k-NN and probes: the training list is the gallery, the test list the queries; 10 uniform clips
# of 16 frames and the centre crop of both (VCOP, xudejing/video-clip-order-prediction @ 7a1710d; RSPNet alike, but its
# code augments the gallery). All videos take part; VCOP's loaders drop the last partial batch.
# Lists by tools/data/prepare_ucf101.py; --cfg-options split=2 takes another split.
split = 1
num_clips = 10  # per video at test
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(type='SampleFrames', clip_len=16, num_clips=num_clips, test_mode=True),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(171, 128), keep_ratio=False),
    dict(type='CenterCrop', crop_size=112),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', meta_keys=('filename',)),
]
test_dataloader = dict(
    batch_size=4,
    num_workers=8,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='auxskd_mm.GalleryQueryDataset',
        common=dict(
            type='auxskd_mm.LabeledVideoDataset',
            data_root='data/ucf101',
            data_prefix=dict(video='videos'),
            pipeline=test_pipeline,
            test_mode=True,
        ),
        gallery=dict(ann_file=f'train_split{split}.txt'),
        query=dict(ann_file=f'test_split{split}.txt'),
    ),
)
# `save_to='folder'` keeps the features, for tools/evaluate_features.py.
test_evaluator = [
    dict(type='auxskd_mm.RetrievalMetric', ks=(1, 5, 10, 20, 50), save_to=None),
    dict(type='auxskd_mm.KNNMetric', k=20, temperature=0.07),
]
test_cfg = dict(type='TestLoop')
