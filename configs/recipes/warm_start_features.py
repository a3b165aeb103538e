# What pretraining adds to public weights: a small temporal module on the stored feature maps of a frozen image network,
# measured with 1, 5, 20 and all labels per class; every seed has its own split. All rows have the same steps.
#   python benchmarks/warm_start/run.py tennis7 --videos VIDEOS --groups groups.csv --features
seeds = [0, 1, 2, 3, 4]
lists = 'lists/{seed}'
shared_cells = True  # a changed option makes new cells, and what did not change is not run again
keep_checkpoints = False  # of the fine-tunings: 20 to 40 MB each, and nothing starts from them
labels = dict(train='{lists}/train.txt', per_class=(1, 5, 20, 'all'), draws=1, groups='{lists}/groups.csv')

data = {'lists': '{lists}'}
place = {'model.cls_head.pooling': 'grid'}  # the parts of the frame are not averaged
pretext_steps = 600
steps_of = {1: 60, 5: 150, 20: 300, 'all': 600}  # of fine-tuning, by labels per class
slow = {'lr': 5e-4}  # for weights that are there
stage, adapted = {'network': 'stage'}, {'network': 'adapted'}
fast, fast_aux = {'lr': 6e-3}, {'lr': 1.5e-3}  # for adapters alone, which start from nothing
folder = '../warm_start'
phases = [
    *(
        dict(name=name, config=f'{folder}/{name}_features.py', options=data, steps=pretext_steps, test=True)
        for name in ('pace', 'vcop', 'rspnet', 'vspp', 'vspp_unrelated', 'vspp_rank', 'auxskd_vspp_joint')
    ),
    # Adapters behind the blocks of the next stage of the public network, which is frozen.
    dict(
        name='adapters_vspp',
        config=f'{folder}/vspp_features.py',
        options={**data, **adapted, **fast},
        steps=pretext_steps,
        test=True,
    ),
]
# The next stage itself, which is trained whole.
phases += [
    dict(
        name=f'stage_{name}',
        config=f'{folder}/{name}_features.py',
        options={**data, **stage, **slow},
        steps=pretext_steps,
        test=True,
    )
    for name in ('vspp', 'vspp_rank')
]
# An auxiliary phase and VSPP have as many steps together as the others.
aux_steps = pretext_steps // 4
for aux, primary, config, aux_options, options in (
    ('auxskd', 'auxskd_vspp', 'auxskd', data, data),
    ('auxskd_teacher', 'teacher_vspp', 'auxskd_teacher', data, data),
    ('adapters_auxskd', 'adapters_auxskd_vspp', 'auxskd', {**data, **adapted, **fast_aux}, {**data, **adapted, **fast}),
):
    rest = dict(init_from=aux, steps=pretext_steps - aux_steps, test=True)
    phases += [
        dict(name=aux, config=f'{folder}/{config}_features.py', options=aux_options, steps=aux_steps),
        dict(name=primary, config=f'{folder}/vspp_features.py', options=options, **rest),
    ]
del aux, primary, config, aux_options, options, rest
finetunings = ['finetune', 'finetune_probed', 'finetune_grid', 'finetune_views', 'finetune_mixed', 'finetune_few']
slowly = dict.fromkeys(finetunings, slow)
all_of_it = {name: {**slow, 'adapters_only': False} for name in slowly}  # as PECoP
common = ['frozen', 'frozen_grid', *finetunings]
of_adapters = [*common, 'finetune_adapters']
inits = [
    dict(
        name='trunk',
        title='public weights alone, frozen',
        options={'trunk_only': True},
        evaluations=['frozen', 'frozen_grid'],
    ),
    dict(name='public', title='public weights, temporal module from scratch'),
    dict(name='public_still', title='public weights, still frames', options={'still': True}),
    dict(name='pace', title='then VideoPace', init_from='pace'),
    dict(name='vcop', title='then VCOP', init_from='vcop'),
    dict(name='rspnet', title='then RSPNet', init_from='rspnet'),
    dict(name='vspp', title='then VSPP', init_from='vspp'),
    dict(name='vspp_unrelated', title='then VSPP with unrelated labels', init_from='vspp_unrelated'),
    dict(name='vspp_rank', title='then VSPP, ranked speeds', init_from='vspp_rank'),
    dict(name='auxskd_vspp', title='then auxSKD, then VSPP', init_from='auxskd_vspp'),
    dict(name='joint', title='then auxSKD and VSPP in one phase', init_from='auxskd_vspp_joint'),
    dict(name='teacher_vspp', title='then auxSKD with the public teacher, then VSPP', init_from='teacher_vspp'),
    dict(name='stage', title='public weights, next stage trained', options=stage, evaluation_options=slowly),
    *(
        dict(
            name=f'stage_{name}',
            title=f'next stage trained, {title} first',
            init_from=f'stage_{name}',
            options=stage,
            evaluation_options=slowly,
        )
        for name, title in (('vspp', 'VSPP'), ('vspp_rank', 'VSPP of ranked speeds'))
    ),
    dict(
        name='adapters',
        title='next stage with adapters, not pretrained',
        options=adapted,
        evaluations=of_adapters,
        evaluation_options=all_of_it,
    ),
    dict(
        name='adapters_vspp',
        title='next stage, VSPP with adapters',
        init_from='adapters_vspp',
        options=adapted,
        evaluations=of_adapters,
        evaluation_options=all_of_it,
    ),
    dict(
        name='adapters_auxskd_vspp',
        title='next stage, auxSKD, then VSPP, with adapters',
        init_from='adapters_auxskd_vspp',
        options=adapted,
        evaluations=of_adapters,
        evaluation_options=all_of_it,
    ),
]
for init in inits:
    init.setdefault('evaluations', common)
del init
evaluations = [
    dict(
        name='frozen',
        config='../warm_start/probe_features.py',
        options=data,
        labels=True,
        columns={'linear probe': 'linear/{n}', 'k-NN': 'knn/{n}'},
    ),
    dict(
        name='frozen_grid',
        config='../warm_start/probe_features.py',
        options={**data, **place},
        labels=True,
        columns={'linear probe, place kept': 'linear/{n}', 'k-NN, place kept': 'knn/{n}'},
    ),
    *(
        dict(
            name=name,
            config=f'../warm_start/{config}_features.py',
            options={**data, **options, 'num_classes': '{num_classes}'},
            labels=('all',),
            steps=steps_of,
            columns={title: 'acc/top1'},
        )
        for name, config, title, options in (
            ('finetune', 'finetune', 'fine-tuned', {}),
            ('finetune_probed', 'finetune_probed', 'fine-tuned from the probe', {}),
            ('finetune_grid', 'finetune', 'fine-tuned, place kept', place),
            ('finetune_views', 'finetune_views', 'fine-tuned, views averaged', {}),
            ('finetune_mixed', 'finetune_mixed', 'fine-tuned on blends', {}),
        )
    ),
    dict(
        name='finetune_few',
        config='../warm_start/finetune_features.py',
        options={**data, 'num_classes': '{num_classes}'},
        labels=(1, 5, 20),
        steps=steps_of,
        columns={'fine-tuned': 'acc/top1'},
    ),
    # The stage stays frozen, so that adapters that start from nothing get the learning rate that they need.
    dict(
        name='finetune_adapters',
        config='../warm_start/finetune_features.py',
        options={**data, **fast, 'num_classes': '{num_classes}'},
        labels=True,
        steps=steps_of,
        columns={'adapters fine-tuned': 'acc/top1'},
    ),
]
pretrained = ('pace', 'vcop', 'rspnet', 'vspp', 'vspp_rank', 'auxskd_vspp', 'joint', 'teacher_vspp')
with_adapters = ('adapters_vspp', 'adapters_auxskd_vspp')
comparisons = [
    *(dict(row=row, base='public') for row in ('public_still', 'vspp_unrelated', *pretrained)),
    *(dict(row=row, base='vspp_unrelated') for row in pretrained),
    *(dict(row=row, base='trunk') for row in (*pretrained, *with_adapters)),
    *(dict(row=row, base=base) for base in ('adapters', 'stage') for row in with_adapters),
    *(dict(row=row, base='stage') for row in ('stage_vspp', 'stage_vspp_rank')),
]
report = dict(title='Pretraining on the feature maps of public weights')
