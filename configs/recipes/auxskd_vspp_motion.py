# The embedded default of `make demo`: both phases on MotionClips.
phases = [
    dict(name='auxskd', config='../demo/auxskd_motion.py'),
    dict(name='vspp', config='../demo/vspp_motion.py', init_from='auxskd', test=True),
]
