# Linear probe on features that are extracted once: backbone frozen, global average pool, mean over 10 clips, a linear
# classifier by L-BFGS, its weight decay chosen on a fifth of the training list. Ours; linear_r3d_ucf101.py is the
# end-to-end run. Run: tools/test.py CONFIG CHECKPOINT_OF_A_PRETRAINING
_base_ = './retrieval_r3d_ucf101.py'

model = dict(cls_head=dict(pooling='average'))
test_evaluator = [
    dict(
        type='auxskd_mm.LinearProbeMetric',
        val_share=0.2,
        group_pattern=r'v_(\w+_g\d+)_c',  # groups of UCF101 are held out whole
        save_to=None,  # a folder keeps the features, for tools/evaluate_features.py
    ),
    dict(type='auxskd_mm.KNNMetric', k=20, temperature=0.07),
]
