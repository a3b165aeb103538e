# The packaged weights (docs/packaged_weights.md), on MotionClips as tools/data/make_motion_clips.py draws them: 1,000 clips to
# train and 200 to test. `python tools/misc/make_zoo.py` draws the clips, runs this recipe and publishes what it trained. The first
# phase is the pace of whole short clips, from which so small a network leaves chance; see demo_motion.py.
whole_clip = {'sample.num_segments': 1, 'sample.clip_len': 8}
phases = [
    dict(name='vspp_whole', config='../demo/vspp_motion.py', options=whole_clip, steps=400, test=True),
    dict(name='vspp_motion', config='../demo/vspp_motion.py', init_from='vspp_whole', steps=800, test=True),
    dict(name='finetune_motion', config='../demo/finetune_motion.py', init_from='vspp_motion', steps=600, test=True),
    dict(
        name='adapters_motion',
        config='../demo/adapters_motion.py',
        init_from='vspp_motion',
        options={'base_weights': None, 'model.backbone.backbone.init_cfg': None},  # of this very run
        steps=200,
        test=True,
    ),
]
