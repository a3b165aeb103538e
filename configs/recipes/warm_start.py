# What public weights are worth on a set of clips, and what pretraining adds to them. Rows are weights, columns are measurements
# with 1, 5, 20 and all labels per class; every seed has its own split.
#   python benchmarks/warm_start/run.py tennis7 --videos VIDEOS --groups groups.csv --jobs 2
# or, with lists of your own in lists/0, lists/1, ...:
#   python tools/run_recipe.py configs/recipes/warm_start.py --lists 'lists/{seed}' --jobs 2
seeds = [0, 1, 2, 3, 4]
lists = 'lists/{seed}'
shared_cells = True  # a changed option makes new cells, and what did not change is not run again
labels = dict(train='{lists}/train.txt', per_class=(1, 5, 20, 'all'), draws=1, groups='{lists}/groups.csv')

inits = [
    dict(name='random', title='random weights'),
    dict(name='random_still', title='random weights, still frames', options={'still': True}),
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
        name='finetune',
        config='../warm_start/finetune.py',
        options={'lists': '{lists}', 'num_classes': '{num_classes}'},
        labels=True,
        steps={1: 100, 5: 200, 20: 300, 'all': 600},
        columns={'fine-tuned': 'acc/top1'},
    ),
]
comparisons = [dict(row='random', base='random_still', title='motion, random weights')]
report = dict(title='Warm start: public weights, and pretraining from them')
