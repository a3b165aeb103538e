# A training whose scalars and a sheet of its clips TensorBoard shows: the demo's VSPP with one more backend and a hook.
#     pip install tensorboard
#     python tools/train.py configs/examples/vspp_motion_tracked.py && tensorboard --logdir work_dirs
# For W&B put WandbVisBackend in its place; docs/pictures.md has the config.
_base_ = ['../demo/vspp_motion.py']

visualizer = dict(
    vis_backends=[
        dict(type='LocalVisBackend'),  # keeps scalars.json, which plot_curves and the reports read
        dict(type='TensorboardVisBackend'),
    ]
)
custom_hooks = [
    dict(type='auxskd_mm.CheckedTransferHook'),
    dict(type='auxskd_mm.BadVideoHook'),
    dict(type='auxskd_mm.ClipSheetHook', number=4),
]
