"""Groups of two and three gloo processes: shuffling, one queue and one teacher on all ranks, and the epoch's end.

The jobs are in tests/rank_jobs.py. Three ranks, because the mean of two equal floats is exact and that of three is not.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import rank_jobs
import torch
import toy_distillation as toy

TESTS = Path(rank_jobs.__file__).parent
WORLDS = (2, 3)


@pytest.fixture(scope='module')
def results(tmp_path_factory):
    """{(job, world): what it returned on each rank}."""
    out = tmp_path_factory.mktemp('ranks')
    command = [sys.executable, str(TESTS / 'rank_jobs.py'), str(out), *map(str, WORLDS)]
    path = os.pathsep.join([str(TESTS.parent), os.environ.get('PYTHONPATH', '')])
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=900, env={**os.environ, 'PYTHONPATH': path}, check=False
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    return {
        (job.__name__, world): [torch.load(out / f'{job.__name__}_{world}_{rank}.pth') for rank in range(world)]
        for job in rank_jobs.JOBS
        for world in WORLDS
    }


@pytest.fixture(params=WORLDS)
def world(request):
    return request.param


def test_batches_are_mixed_and_come_back(results, world):
    ranks = results['shuffle', world]
    everything = torch.cat([rank['rows'] for rank in ranks])
    strangers = 0
    for draw in range(10):
        mixed = torch.cat([rank['shuffled'][draw] for rank in ranks])
        assert torch.equal(mixed[mixed[:, 0].argsort()], everything)  # every row once
        for number, rank in enumerate(ranks):
            assert rank['shuffled'][draw].shape == rank['rows'].shape
            assert torch.equal(rank['restored'][draw], 2 * rank['rows'])
            strangers += (rank['shuffled'][draw][:, 0] // rank_jobs.BATCH != number).sum().item()
    # A row lands on a strange rank with probability 1 - 1/world.
    expected, rows = 1 - 1 / world, 10 * len(everything)
    assert strangers / rows == pytest.approx(expected, abs=0.2)
    assert len({tuple(rank['shuffled'][i][:, 0].tolist()) for rank in ranks[:1] for i in range(10)}) > 5


def test_a_batch_is_gathered_and_drawn_for_as_one_process_would(results, world):
    size = world * rank_jobs.BATCH
    places = torch.empty(size, dtype=torch.long)
    for number, rank in enumerate(results['order', world]):
        assert rank['gathered'].flatten().tolist() == list(range(size))
        assert torch.equal(rank['part'], rank['own'])
        places[number::world] = rank['places']
    torch.manual_seed(0)  # rank 0's
    assert torch.equal(places, torch.randperm(size))


def test_queue_and_teacher_start_as_on_rank_0(results, world):
    ranks = results['start', world]
    first = ranks[0]['before']
    for rank in ranks[1:]:
        assert {'features', 'pointer', 'conv1.weight', 'bn1.running_mean'} <= set(toy.same(rank['before'], first))
    for rank in ranks:
        both = {**rank['queue'], **{key.removeprefix('backbone.'): value for key, value in rank['teacher'].items()}}
        assert not toy.same(both, first)


def test_a_frozen_teacher_is_that_of_rank_0(results, world):
    first, *others = results['frozen', world]
    assert torch.equal(first['before'], first['after'])
    for rank in others:
        assert not torch.equal(rank['before'], rank['after'])
        assert torch.equal(rank['after'], first['after'])
        assert not toy.same(rank['weights'], first['weights'])


def test_the_queue_is_that_of_one_process_with_the_whole_batch(results, world):
    model = rank_jobs.fixed_model()
    for batch in rank_jobs.fixed_batches(world):
        model.loss(batch)
    for queue in results['keys', world]:
        for name, value in model.queue.state_dict().items():
            assert torch.allclose(queue[name], value, atol=1e-6), name
    assert model.queue.filled.item() == model.queue.size
    assert len({tuple(key.tolist()) for key in model.queue.features.round(decimals=4)}) == model.queue.size


def test_rspnet_gathers_the_keys_of_all_ranks(results, world):
    ranks = results['speed_keys', world]
    queue, size = ranks[0]['queue'], 5 * rank_jobs.BATCH
    for rank in ranks[1:]:
        assert torch.equal(rank['first'], ranks[0]['first'])
        for name, value in queue.items():
            assert torch.equal(rank['queue'][name], value), name
    assert queue['pointer'].item() == 3 * rank_jobs.BATCH * world % size
    fresh = (queue['features'] != ranks[0]['first']).any(1).sum().item()
    assert fresh == min(3 * rank_jobs.BATCH * world, size)
    assert len({tuple(key.tolist()) for key in queue['features']}) == size


def test_training_was_what_it_should_be(results, world):
    ranks = results['train', world]
    for rank in ranks:
        # The config names MMEngine's SyncBuffersHook, as stock recipes do.
        assert 'SyncBuffersHook' not in rank['hooks']
        assert rank['wrapper'] == 'MMDistributedDataParallel'
        assert {'SyncBuffersExceptQueuesHook', 'SKDDistillerHook', 'AtomicCheckpointHook'} <= set(rank['hooks'])
        assert len(rank['epochs']) == 2
    steps = 12 // world // 2 * 2
    end = ranks[0]['end']
    assert end['queue.filled'].item() == end['queue.pointer'].item() == steps * 2 * world < 64
    # Under other seeds the queues began as strangers (DDP makes parameters equal); each rank saw its own clips.
    for rank in ranks[1:]:
        assert toy.same(rank['start'], ranks[0]['start']) == ['queue.features']
        before = toy.same(rank['epochs'][0][0], ranks[0]['epochs'][0][0])
        assert {'backbone.bn1.running_mean', 'teacher.backbone.bn1.running_mean'} <= set(before)
        assert all('running' in key for key in before)


def test_all_ranks_hold_one_queue_one_teacher_and_one_student(results, world):
    ranks = results['train', world]
    for rank in ranks[1:]:
        assert not toy.same(rank['end'], ranks[0]['end'])
        for mine, other in zip(rank['epochs'], ranks[0]['epochs']):
            assert not toy.same(mine[1], other[1])
        assert all(torch.equal(mine, other) for mine, other in zip(rank['optimizer'], ranks[0]['optimizer']))
    end = ranks[0]['end']
    teacher, student = end['teacher.backbone.conv1.weight'], end['backbone.conv1.weight']
    assert not torch.equal(teacher, student)
    assert torch.isfinite(torch.cat([value.flatten().double() for value in end.values()])).all()


def test_hooks_that_average_buffers_leave_the_queue_alone(results, world):
    for rank in results['train', world]:
        for before, after in rank['epochs']:
            assert all('running' in key for key in toy.same(before, after))
            assert {'backbone.bn1.running_mean', 'teacher.backbone.bn1.running_var'} <= set(toy.same(before, after))


def test_adapters_train_under_ddp_and_the_base_stays(results, world):
    ranks = results['adapters', world]
    for rank in ranks:
        assert rank['wrapper'] == 'MMDistributedDataParallel'
        moved = {key for key in toy.same(rank['start'], rank['end']) if key.startswith('backbone.')}
        assert {'backbone.adapters.bn1.up.weight', 'backbone.bn1.running_mean'} <= moved
        assert all('.adapters.' in key or key.startswith('backbone.bn1.') for key in moved)
        assert not {'backbone.bn1.weight', 'backbone.conv1.weight'} & moved
        assert not toy.same(rank['end'], ranks[0]['end'])


def test_an_image_network_trains_under_ddp(results, world):
    ranks = results['image_network', world]
    for rank in ranks:
        moved = toy.same(rank['start'], rank['end'])
        assert 'trunk.blocks.0.mlp.fc1.weight' in moved
        assert 'trunk.patch_embed.proj.weight' not in moved
        assert not toy.same(rank['end'], ranks[0]['end'])


def test_a_repeated_video_does_not_take_the_place_of_an_unreadable_one(results, world):
    """One right answer of the six videos that can be read. The repeated video 0 would count once more."""
    for rank in results['unreadable', world]:
        assert rank['acc/top1'] == pytest.approx(1 / 6)


def test_a_step_whose_last_batch_is_left_out_is_that_of_the_batches_before_it_on_all_ranks(results, world):
    """By hand: half the mean of 1, 2 ... over the ranks, then a step of 1."""
    first = -(1 + world) / 2 / 2
    for rank in results['left_out_batch', world]:
        assert rank == pytest.approx([0, first, first, first - 1])


def test_the_average_would_not_leave_it_alone():
    """The reason for SyncBuffersExceptQueuesHook: what MMEngine's hook would do to a queue on three ranks."""
    features = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    assert torch.equal(torch.true_divide(features + features, 2), features)
    changed = torch.true_divide(features + features + features, 3) != features
    assert 0.1 < changed.float().mean() < 0.2
