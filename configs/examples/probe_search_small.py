# The best probe on the frozen features of auxskd_r21d_small.py or vspp_r21d_small.py: stages, pooling and regularisation
# are chosen by groups inside the training list (docs/evaluation.md), then the test list is used once.
# Run: tools/test.py CONFIG CHECKPOINT, or `none` for random weights.
_base_ = ['./probe_r21d_small.py']

model = dict(backbone=dict(out_indices=(3, 4)), cls_head=dict(pooling='stages'))
test_evaluator = [
    dict(type='auxskd_mm.ProbeSearchMetric', group_file=f'{_base_.lists}/groups.csv', save_to=None),
]
