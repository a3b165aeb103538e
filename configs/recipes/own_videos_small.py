# A few hundred labelled clips of your own, on two CPU cores: compares auxSKD and VSPP with the same
# network from scratch, and both without motion (one frame of each clip, repeated).
#   for s in 0 1 2; do python tools/data/prepare_folder.py VIDEOS lists/$s --table groups.csv --seed $s; done
#   python tools/run_recipe.py configs/recipes/own_videos_small.py --lists lists/0 lists/1 lists/2 --seeds 0
# Lengths are numbers of steps: an epoch of a few clips is a few steps, and teaches nothing.
# Each split has its own pretraining, on its own training clips (and those of --pool): it never sees a test clip.
lists = ['lists']
seeds = [0]

pool = {'train_dataloader.dataset.source': '{lists}/pool.txt', 'train_dataloader.dataset.data_prefix': ''}
held_out = {'test_dataloader.dataset.source': '{lists}/test.txt', 'test_dataloader.dataset.data_prefix': ''}
# C3D at an eighth of the width and speeds further apart than 1 to 4, because so small a network leaves chance with them first; and
# the pace of whole short clips before that of a quarter of the clip.
network = {'model.backbone.type': 'auxskd_mm.C3DBN'}
task = {
    **pool,
    **held_out,
    **network,
    'sample.speeds': (1, 2, 4, 8),
    'optim_wrapper.optimizer.lr': 1e-3,
}
whole_clip = {'sample.num_segments': 1, 'sample.clip_len': 8}
phases = [
    dict(
        name='auxskd',
        config='../examples/auxskd_r21d_small.py',
        options={**pool, **held_out, **network},
        steps=300,
        test=True,
    ),
    dict(
        name='vspp_whole',
        config='../examples/vspp_r21d_small.py',
        options={**task, **whole_clip},
        init_from='auxskd',
        steps=800,
        test=True,
    ),
    dict(
        name='vspp',
        config='../examples/vspp_r21d_small.py',
        options=task,
        init_from='vspp_whole',
        steps=800,
        test=True,
    ),
]
inits = [
    dict(name='scratch', title='from scratch'),
    dict(name='auxskd_vspp', title='auxSKD, then VSPP', init_from='vspp'),
    dict(name='scratch_still', title='from scratch, still frames', options={'still': True}),
]
evaluations = [
    dict(
        name='finetune',
        config='../examples/finetune_r21d_small.py',
        options={'lists': '{lists}', 'num_classes': '{num_classes}', **network},
        steps=600,
        columns={'fine-tuned': 'acc/top1'},
    ),
    dict(
        name='frozen',
        config='../examples/probe_r21d_small.py',
        options={'lists': '{lists}', **network},
        columns={'linear probe': 'linear/top1', 'k-NN': 'knn/top1', 'R@1': 'retrieval/R@1', 'R@5': 'retrieval/R@5'},
    ),
]
report = dict(title='Own videos: with and without pretraining, with and without motion')
