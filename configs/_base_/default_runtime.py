custom_imports = dict(imports=['auxskd_mm'], allow_failed_imports=False)
default_scope = 'mmaction'

default_hooks = dict(
    runtime_info=dict(type='RuntimeInfoHook'),
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=20, ignore_last=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='auxskd_mm.AtomicCheckpointHook', interval=1, max_keep_ckpts=3),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    preemption=dict(type='auxskd_mm.PreemptionHook'),  # SIGTERM or Ctrl-C: save, then leave
    non_finite=dict(type='auxskd_mm.NonFiniteLossHook'),  # a loss that is NaN or infinite ends the run
    sync_buffers=dict(type='auxskd_mm.SyncBuffersExceptQueuesHook'),  # a queue is never averaged over ranks
)
custom_hooks = [
    dict(type='auxskd_mm.CheckedTransferHook'),  # `load_from` that brings no backbone is an error
    dict(type='auxskd_mm.BadVideoHook'),
]

env_cfg = dict(
    cudnn_benchmark=True,  # clips have one shape
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
log_processor = dict(
    type='auxskd_mm.CompactLogProcessor',  # MMEngine's numbers in one line for each report
    window_size=20,
    by_epoch=True,
    # MMEngine's default averages losses and times alone, and shows everything else as the last batch had it.
    mean_pattern=r'.*(loss|time|grad_norm|_acc|_entropy|_agreement|_std).*',
)
vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(type='ActionVisualizer', vis_backends=vis_backends)
log_level = 'INFO'
load_from = None
resume = False
