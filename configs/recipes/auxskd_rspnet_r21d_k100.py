# The auxiliary phase, then RSPNet from its student's backbone; its own head starts at random. The paper reports that this
# helps; how it was done is not published, so what moves on is what moves on to VSPP: the backbone, BN statistics included.
# auxSKD sees BGR in 0-255, RSPNet normalised RGB; which of them the paper's combination took is not published either.
phases = [
    dict(name='auxskd', config='../auxskd_r21d_k100.py', test=True),
    dict(name='rspnet', config='../rspnet_r21d_k100.py', init_from='auxskd', test=True),
]
