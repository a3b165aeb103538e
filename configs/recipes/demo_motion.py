# The embedded default of `make demo`: the auxiliary phase, then VSPP in two steps, on MotionClips. Told straight away to
# find the sped-up quarter of a clip, so small a network stays at chance for many hundred steps; having learnt the pace of
# whole clips first (num_segments=1), it finds the quarter in a few.
small = {
    'train_dataloader.dataset.pipeline.3.scale': (64, 48),
    'train_dataloader.dataset.pipeline.4.size': 40,
    'train_dataloader.dataset.repeat': 4,
    'test_dataloader.dataset.pipeline.3.scale': (64, 48),
    'test_dataloader.dataset.pipeline.4.crop_size': 40,
    'optim_wrapper.optimizer.type': 'AdamW',
    'optim_wrapper.optimizer.lr': 3e-3,
    'optim_wrapper.optimizer.weight_decay': 0.02,
}
whole_clip = {
    'model.cls_head.num_segments': 1,
    'train_dataloader.dataset.pipeline.1.num_segments': 1,
    'test_dataloader.dataset.pipeline.1.num_segments': 1,
}
phases = [
    dict(name='auxskd', config='../demo/auxskd_motion.py'),
    dict(
        name='vspp_whole',
        config='../demo/vspp_motion.py',
        options={**small, **whole_clip},
        init_from='auxskd',
        test=True,
    ),
    dict(name='vspp', config='../demo/vspp_motion.py', options=small, init_from='vspp_whole', test=True),
]
