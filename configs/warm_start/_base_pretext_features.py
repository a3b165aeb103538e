# Data of a pretraining on stored feature maps: the training clips of a split, and a test on the clips that it holds out.
_base_ = ['./_base_maps.py']

train_dataloader = dict(
    dataset=dict(type='auxskd_mm.UnlabeledVideoDataset', source=f'{_base_.lists}/pool.txt', repeat=1)
)
test_dataloader = dict(
    dataset=dict(type='auxskd_mm.UnlabeledVideoDataset', source=f'{_base_.lists}/held_out.txt', test_mode=True)
)
