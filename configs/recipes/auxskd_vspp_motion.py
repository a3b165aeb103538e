# The embedded default of `make demo`: both phases on MotionClips.
phases = [
    dict(name='auxskd', config='../demo/auxskd_motion.py', test=True),
    dict(name='vspp', config='../demo/vspp_motion.py', init_from='auxskd', test=True),
]
