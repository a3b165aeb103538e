# auxSKD with the stored maps as a second, frozen teacher: what the public weights see beside what the EMA teacher sees.
_base_ = ['./auxskd_features.py']

model = dict(teacher=dict(type='auxskd_mm.FrozenTeacher', out_channels=_base_.channels))
