# RSPNet's retrieval (PeihaoChen/RSPNet @ 2958779, as its code does: average pool) with S3D-G on 64 x 224 x 224 clips;
# see retrieval_r21d_ucf101.py for the other protocols. Not RSPNet's: its gallery goes through the training transform.
_base_ = './retrieval_r21d_ucf101.py'

model = dict(backbone=dict(type='auxskd_mm.S3DG'), cls_head=dict(pooling='rspnet'))
test_pipeline = [
    dict(type='auxskd_mm.OpenVideo'),
    dict(type='SampleFrames', clip_len=64, num_clips=_base_.num_clips, test_mode=True),
    dict(type='auxskd_mm.DecodeClips'),
    dict(type='Resize', scale=(-1, 224)),
    dict(type='CenterCrop', crop_size=224),
    dict(type='FormatShape', input_format='NCTHW'),
    dict(type='PackActionInputs', meta_keys=('filename',)),
]
test_dataloader = dict(batch_size=1, dataset=dict(common=dict(pipeline=test_pipeline)))
