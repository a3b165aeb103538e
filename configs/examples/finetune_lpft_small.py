# Fine-tuning with few labels: finetune_r21d_small.py, started from the linear probe (LP-FT), with learning rates that fall
# from the head to the input, averaged weights, and the number of steps taken from validation on held-out groups. The
# validation also sees the probe itself, before the first step, so a fine-tuning that makes it worse does not replace it.
# Lists with a validation part: tools/data/prepare_folder.py VIDEOS LISTS --val-share 0.2 --group-pattern ...
# Weights of a pretraining: --cfg-options load_from=... Test the checkpoint best_acc_top1_iter_N.pth.
_base_ = ['./finetune_r21d_small.py']

steps = 200  # the most; validation chooses among ten numbers of steps
measured = max(1, steps // 10)
layer_decay = 0.7  # 1 gives all layers the same rate
momentum = 0.05  # of the averaged weights: about the last 20 steps
group_file = f'{_base_.lists}/groups.csv'  # groups that the probe holds out to choose its weight decay

test_dataset = dict(type='auxskd_mm.LabeledVideoDataset', pipeline={{_base_.test_pipeline}}, test_mode=True)
one_by_one = dict(batch_size=8, num_workers=1, sampler=dict(type='DefaultSampler', shuffle=False))
val_dataloader = dict(**one_by_one, dataset=dict(**test_dataset, ann_file=f'{_base_.lists}/val.txt'))
val_evaluator = dict(type='auxskd_mm.MultiClipAccuracy')
val_cfg = dict(type='ValLoop')
custom_hooks = [
    dict(type='auxskd_mm.CheckedTransferHook'),
    dict(type='auxskd_mm.BadVideoHook'),
    dict(type='EMAHook', ema_type='ExponentialMovingAverage', momentum=momentum),
    dict(
        type='auxskd_mm.ProbeHeadHook',
        loader=dict(**one_by_one, dataset=test_dataset),
        group_file=group_file,
    ),
]
optim_wrapper = dict(
    optimizer=dict(lr=3e-4),  # a tenth of the rate from scratch: all weights are trained already
    constructor='auxskd_mm.LayerDecayConstructor',
    paramwise_cfg=dict(layer_decay=layer_decay),
)
param_scheduler = [dict(type='CosineAnnealingLR', by_epoch=False, begin=0, end=steps, T_max=steps)]
train_cfg = dict(_delete_=True, type='auxskd_mm.ResumableIterTrainLoop', max_iters=steps, val_interval=measured)
log_processor = dict(by_epoch=False)
default_hooks = dict(
    checkpoint=dict(by_epoch=False, interval=measured, max_keep_ckpts=1, save_best='acc/top1', rule='greater')
)
