# The chain of `python tools/demo.py --chain`: the auxiliary phase, then VSPP in two steps, on MotionClips, and what that is worth
# with few labels beside the same network from scratch. The first step is the pace of whole short clips (num_segments=1), from which so
# small a network reliably leaves chance; if it must find the sped-up quarter from the start, it does so for some seeds only.
whole_clip = {'sample.num_segments': 1, 'sample.clip_len': 8}
phases = [
    dict(name='auxskd', config='../demo/auxskd_motion.py', steps=80, test=True),
    dict(
        name='vspp_whole',
        config='../demo/vspp_motion.py',
        options=whole_clip,
        init_from='auxskd',
        steps=400,
        test=True,
    ),
    dict(name='vspp', config='../demo/vspp_motion.py', init_from='vspp_whole', steps=320, test=True),
]
inits = [
    dict(name='scratch', title='from scratch'),
    dict(name='vspp', title='auxSKD, then VSPP', init_from='vspp'),
]
# Frozen features alone: fine-tuning both (../demo/finetune_motion.py) would take as long as all the rest.
evaluations = [
    dict(
        name='frozen',
        config='../demo/probe_motion.py',
        columns={'linear probe': 'linear/top1', 'k-NN': 'knn/top1', 'R@1': 'retrieval/R@1', 'R@5': 'retrieval/R@5'},
    ),
]
report = dict(title='MotionClips: what the pretraining is worth with few labels')
