"""Cells for an editor or notebook (jupytext); `python docs/tutorial.py work_dirs/tutorial` runs it whole in about a minute."""

# %% Clips with known motions stand in for your own videos.
import sys
from pathlib import Path

import torch

from auxskd_mm.apis import build_runner, extract_features, init_model, load_config, predict, predict_pace
from auxskd_mm.datasets.motion_clips import MotionClipsSettings, make_motion_clips
from auxskd_mm.functional.neighbours import cosine_topk
from auxskd_mm.zoo.export import export_model

work = Path(sys.argv[1] if len(sys.argv) > 1 else 'work_dirs/tutorial')
make_motion_clips(work / 'clips', MotionClipsSettings(train=4, val=0, test=2, classes=('translation', 'rotation')))

# %% Train VSPP on them for an epoch: a config, with overrides.
config = load_config('auxskd_mm::demo/vspp_motion.py', {'train_cfg.max_epochs': 1})
config.train_dataloader.dataset.source = config.test_dataloader.dataset.source = str(work / 'clips' / 'train')
config.work_dir = str(work / 'vspp')
build_runner(config).train()

# %% At what pace do videos play, and which quarter of a clip is sped up? So little training gives guesses.
model = init_model(config, work / 'vspp' / 'epoch_1.pth')
video = sorted((work / 'clips' / 'test').rglob('*.mp4'))[0]
pace = predict_pace(model, video)['pace']
print(f'{video.name} as it is:', *(f'{name} {p:.2f}' for name, p in zip(pace.names, pace.probabilities)))
for one in predict(model, work / 'clips' / 'test', question='task'):
    print(f'{Path(one.filename).name}: pace {one["pace"].best}, true {one["pace"].truth[0]}')

# %% Features for anything else: which training clip is nearest to each test clip, and is it of the same motion?
train, test = (extract_features(model, videos=str(work / 'clips' / part), num_clips=2) for part in ('train', 'test'))
nearest = cosine_topk(torch.from_numpy(test.features), torch.from_numpy(train.features), k=1).indices[:, 0]
for name, i in zip(test.names, nearest):
    print(f'{Path(name).stem}: nearest is {Path(train.names[i]).stem}')

# %% The backbone for use elsewhere, compared with the original.
print(export_model(model, work / 'vspp.pt2', part='feature'))
