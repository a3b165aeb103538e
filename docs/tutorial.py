# %% [markdown]
# # Tutorial
#
# From videos to predictions and features, in about a minute on two cores. `python docs/tutorial.py` runs it as it stands.
#
# Clips with known motions stand in for your own videos. Everything is written into one folder.

# %%
from pathlib import Path

import torch

from auxskd_mm.apis import build_runner, extract_features, init_model, load_config, predict, predict_pace
from auxskd_mm.datasets.motion_clips import MotionClipsSettings, make_motion_clips
from auxskd_mm.functional.neighbours import cosine_topk
from auxskd_mm.zoo.export import export_model

work = Path('work_dirs/tutorial')
make_motion_clips(work / 'clips', MotionClipsSettings(train=4, val=0, test=2, classes=('translation', 'rotation')))

# %% [markdown]
# ## Train
#
# Train VSPP on the clips for one epoch. A run needs a config, and overrides where its values do not fit. The clips are
# decoded in this process (`num_workers` is 0). A script of your own that has workers needs `if __name__ == '__main__':` where
# Python starts them by 'spawn', as on Windows.

# %%
options = {'train_cfg.max_epochs': 1, 'train_dataloader.num_workers': 0, 'train_dataloader.persistent_workers': False}
config = load_config('auxskd_mm::demo/vspp_motion.py', options)
config.train_dataloader.dataset.source = config.test_dataloader.dataset.source = str(work / 'clips' / 'train')
config.work_dir = str(work / 'vspp')
build_runner(config).train()

# %% [markdown]
# ## Predict
#
# At what pace does a video play, and how fast were the clips that the task sped up? So little training gives guesses.

# %%
model = init_model(config, work / 'vspp' / 'epoch_1.pth')
video = sorted((work / 'clips' / 'test').rglob('*.mp4'))[0]
pace = predict_pace(model, video)['pace']
print(f'{video.name} as it is:', *(f'{name} {p:.2f}' for name, p in zip(pace.names, pace.probabilities)))
for one in predict(model, work / 'clips' / 'test', question='task'):
    print(f'{Path(one.filename).name}: pace {one["pace"].best}, true {one["pace"].truth[0]}')

# %% [markdown]
# ## Features
#
# Features serve any other purpose. Which training clip is nearest to each test clip, and does it show the same motion?

# %%
folders = [str(work / 'clips' / part) for part in ('train', 'test')]
train, test = (extract_features(model, videos=folder, num_clips=2, num_workers=0) for folder in folders)
nearest = cosine_topk(torch.from_numpy(test.features), torch.from_numpy(train.features), k=1).indices[:, 0]
for name, i in zip(test.names, nearest):
    print(f'{Path(name).stem}: nearest is {Path(train.names[i]).stem}')

# %% [markdown]
# ## Export
#
# This writes the backbone for use elsewhere, and compares it with the original.

# %%
print(export_model(model, work / 'vspp.pt2', part='feature'))
