# The auxiliary phase, then VideoPace from its student's backbone; its own head starts at random. The paper reports that this
# helps; how it was done is not published, so what moves on is what moves on to VSPP: the backbone, BN statistics included.
phases = [
    dict(name='auxskd', config='../auxskd_r21d_k100.py', test=True),
    dict(name='pace', config='../pace_r21d_k100.py', init_from='auxskd', test=True),
]
