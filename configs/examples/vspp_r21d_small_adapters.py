# vspp_r21d_small.py from trained weights: PECoP's adapters behind the four stages are trained, the network under them is
# frozen. Set `load_from` to a checkpoint of the network, for instance of auxskd_r21d_small.py.
_base_ = './vspp_r21d_small.py'

model = dict(
    backbone=dict(
        _delete_=True,
        type='auxskd_mm.AdaptedBackbone',
        backbone=dict(type='auxskd_mm.R2Plus1DVCOP', base_channels=8),
        adapters=dict(patterns='conv[2-5]', type='auxskd_mm.ConvAdapter', reduction=4, zero_init=True),
        norm='batch',  # as in PECoP; 'frozen' keeps the statistics of the base
    )
)
custom_hooks = [*_base_.custom_hooks, dict(type='auxskd_mm.AdapterHook')]  # writes adapters.pth
