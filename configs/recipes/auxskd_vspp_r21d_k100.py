# The method of the paper: the auxiliary phase, then VSPP from its student's backbone.
phases = [
    dict(name='auxskd', config='../auxskd_r21d_k100.py', test=True),
    dict(name='vspp', config='../vspp_r21d_k100.py', init_from='auxskd', test=True),
]
