# vspp_r21d_k100_improved.py (jitter on the device, bfloat16) with the other switches of docs/speed.md: a packed store, five
# clips of one decode, channels_last_3d and the fused optimizer. What else differs: frames are encoded once more, and a batch
# has 6 videos instead of 30.
# The store: python tools/data/pack_videos.py data/kinetics100/k100.list data/k100_store \
#     --data-prefix data/kinetics100/train --size 171 128
_base_ = '../vspp_r21d_k100_improved.py'

train_dataloader = dict(
    # It divides the data set's repeat of 10, and the batch of 30.
    sampler=dict(type='auxskd_mm.RepeatSampler', clips_per_decode=5),
    dataset=dict(source='data/k100_store', data_prefix=''),
)
custom_hooks = [
    dict(type='auxskd_mm.CheckedTransferHook'),
    dict(type='auxskd_mm.BadVideoHook'),
    dict(type='auxskd_mm.FastStepHook', channels_last=True, compile=False),  # compile=True costs minutes at the start
]
optim_wrapper = dict(optimizer=dict(fused=True))  # AmpOptimWrapper in bfloat16 is the base's
