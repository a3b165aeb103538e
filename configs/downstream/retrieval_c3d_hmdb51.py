# VCOP's retrieval on HMDB51, with the values of retrieval_c3d_ucf101.py; lists by tools/data/prepare_hmdb51.py.
_base_ = './retrieval_c3d_ucf101.py'

test_dataloader = dict(dataset=dict(common=dict(data_root='data/hmdb51')))
