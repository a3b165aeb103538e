"""Numbers that torch or MMEngine would stop at with a traceback."""

import pytest
from mmengine.config import Config

from auxskd_mm.errors import InputError
from auxskd_mm.launch.setting_checks import check_parts, check_settings

FINE = dict(
    train_dataloader=dict(batch_size=4, num_workers=0, persistent_workers=False, prefetch_factor=None, timeout=0.5),
    test_dataloader=None,
    train_cfg=dict(max_epochs=3, val_interval=1),
    optim_wrapper=dict(accumulative_counts=2, optimizer=dict(type='SGD', lr=0, momentum=0.9, weight_decay=1e-4)),
    default_hooks=dict(logger=dict(interval=1), checkpoint=dict(interval=-1)),
    randomness=dict(seed=None),
)


@pytest.mark.parametrize(
    ('key', 'value', 'says'),
    [
        ('train_dataloader.num_workers', '2', "='2': expected a whole number from 0 on"),
        ('train_dataloader.num_workers', -1, '=-1: expected a whole number from 0 on'),
        ('train_dataloader.num_workers', 2.0, '=2.0: expected a whole'),
        ('train_dataloader.num_workers', None, '=None: expected a whole'),
        ('train_dataloader.num_workers', True, '=True: expected a whole'),
        ('train_dataloader.batch_size', 0, '=0: expected a whole number from 1 on'),
        ('train_dataloader.batch_size', [2], r'=\[2\]: expected a whole'),
        ('train_dataloader.prefetch_factor', 0, '=0: expected a whole number from 1 on, or None'),
        ('train_dataloader.timeout', -2, '=-2: expected a finite number from 0 on'),
        ('train_dataloader.drop_last', 'maybe', "='maybe': expected True or False"),
        ('train_cfg.max_epochs', 1.5, '=1.5: expected a whole number from 1 on'),
        ('train_cfg.max_epochs', 0, '=0: expected a whole number from 1 on'),
        ('optim_wrapper.optimizer.lr', float('nan'), '=nan: expected a finite number from 0 on'),
        ('optim_wrapper.optimizer.lr', 'fast', "='fast': expected a finite"),
        ('optim_wrapper.accumulative_counts', 0, '=0: expected a whole number from 1 on'),
        ('default_hooks.logger.interval', 'often', "='often': expected a whole"),
        ('randomness.seed', -3, '=-3: expected a whole number from 0 on, or None'),
        ('randomness.seed', 2**40, '=1099511627776: expected at most 4294967295'),
    ],
)
def test_numbers_that_cannot_be_meant(key, value, says):
    config = Config(FINE)
    check_settings(config)
    config.merge_from_dict({key: value})
    with pytest.raises(InputError, match=key.replace('.', r'\.') + says):
        check_settings(config)


@pytest.mark.parametrize(
    ('change', 'says'),
    [
        (dict(train_dataloader=None), r'train_dataloader=None: expected a value beside train_cfg and optim_wrapper'),
        (dict(optim_wrapper=None), r'optim_wrapper=None: expected a value beside train_dataloader and train_cfg'),
        (dict(train_dataloader=dict(dataset=None)), r'train_dataloader\.dataset=None: expected a dict\(type='),
        (
            dict(train_dataloader=dict(dataset=dict(type='D'), collate_fn=dict(type='nocollate'))),
            r"train_dataloader\.collate_fn\.type='nocollate': unknown",
        ),
        (dict(param_scheduler=3), r'param_scheduler=3: expected a dict\(type='),
        (dict(param_scheduler=[dict(type='StepLR'), 'x']), r"param_scheduler=\[.*'x'\]: expected"),
    ],
)
def test_a_part_that_is_missing_or_of_another_kind(change, says):
    fine = dict(
        train_dataloader=dict(dataset=dict(type='D'), collate_fn=dict(type='pseudo_collate')),
        train_cfg=dict(max_epochs=1),
        optim_wrapper=dict(),
        param_scheduler=dict(encoder=[dict(type='StepLR')], head=dict(type='StepLR')),
    )
    check_parts(Config(fine))
    with pytest.raises(InputError, match=says):
        check_parts(Config({**fine, **change}))
