"""benchmarks/gpu.py without a GPU: what it would run, what a second start leaves out, what it makes of figures."""

import importlib
import sys
from types import SimpleNamespace

import pytest
import torch
from conftest import write_video
from tool_runs import ROOT

from auxskd_mm.errors import InputError


@pytest.fixture(scope='module')
def gpu():
    """The modules of the benchmark by name, as it sees them."""
    kept = list(sys.path)
    sys.path.insert(0, str(ROOT / 'benchmarks'))
    try:
        names = ('record', 'sizes', 'speed', 'chain', 'report', 'equality')
        yield SimpleNamespace(
            main=importlib.import_module('gpu'),
            **{name: importlib.import_module(f'gpu_parts.{name}') for name in names},
        )
    finally:
        sys.path[:] = kept


class Clock:
    """Seconds that pass when they are told to."""

    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now

    def taking(self, seconds, value):
        def call():
            self.now += seconds
            if isinstance(value, Exception):
                raise value
            return value

        return call


def test_a_part_takes_up_where_it_ended(gpu, tmp_path):
    path, clock, settings = tmp_path / 'part.json', Clock(), dict(card='A', size=(1, 2))
    first = gpu.record.Record(path, settings, clock.now + 100, clock)
    first.measure('quick', clock.taking(30, dict(value=1)))
    first.measure('broken', clock.taking(10, OSError('no compiler\nat all')))
    first.measure('long', clock.taking(1, dict(value=2)), least=70)  # 60 seconds are left
    first.measure('slow', clock.taking(80, dict(value=3)))
    first.measure('too late', clock.taking(1, dict(value=4)))
    first.write(complete=True)
    content = gpu.record.read_part(path, settings)
    assert content['items'] == dict(quick=dict(value=1), broken=dict(failed='OSError: no compiler'), slow=dict(value=3))
    assert (content['late'], content['complete'], content['seconds']) == (['long', 'too late'], False, 120)
    assert gpu.record.failures(content) == ['broken: OSError: no compiler']
    assert not gpu.record.is_done(path, settings)

    again = gpu.record.Record(path, settings, clock.now + 100, clock)
    for name in ('quick', 'broken', 'long', 'slow', 'too late'):
        again.measure(name, clock.taking(5, dict(value=name)))
    again.write(complete=True)
    content = gpu.record.read_part(path, settings)
    assert {name: item['value'] for name, item in content['items'].items()} == {
        **{'quick': 1, 'slow': 3},
        **{name: name for name in ('broken', 'long', 'too late')},
    }
    assert content['seconds'] == 135
    assert gpu.record.is_done(path, settings)
    assert not gpu.record.is_done(path, dict(settings, card='B'))
    assert gpu.record.Record(path, dict(settings, card='B'), clock.now, clock).items == {}


def test_a_damaged_file_is_no_result(gpu, tmp_path):
    path = tmp_path / 'part.json'
    for text in ('', '{', '[1]', '{"settings": 1}'):
        path.write_text(text)
        assert gpu.record.read_part(path) is None
    assert gpu.record.read_part(tmp_path / 'none.json') is None


def test_an_interruption_keeps_what_was_measured(gpu, tmp_path):
    clock = Clock()
    record = gpu.record.Record(tmp_path / 'part.json', {}, clock.now + 100, clock)
    record.measure('one', lambda: dict(value=1))

    def ended():
        raise SystemExit(1)

    with pytest.raises(SystemExit):
        record.measure('two', ended)
    record.write(complete=False)
    content = gpu.record.read_part(tmp_path / 'part.json')
    assert (list(content['items']), content['late']) == (['one'], ['two'])


def test_parts_share_the_time_that_is_left(gpu):
    weights = dict(a=1, b=2, c=3)
    assert gpu.record.budgets(weights, 'abc', 60) == dict(a=10, b=20, c=30)
    assert gpu.record.budgets(weights, 'bc', 58) == dict(b=pytest.approx(23.2), c=pytest.approx(34.8))  # a took 2


def started(gpu, monkeypatch, tmp_path, *words):
    """Parts that a start runs, with their seconds; each takes half of its time and is then complete."""
    clock, found = Clock(), {}
    monkeypatch.setattr(gpu.main.time, 'time', clock)
    monkeypatch.setattr(gpu.main, 'settings_of', lambda args, part: dict(dry_run=args.dry_run))
    monkeypatch.setattr(gpu.main, 'write_report', lambda *args: None)

    def start(args, names, seconds):
        clock.now += seconds / 2
        for name in names:
            found[name] = round(seconds)
            record = gpu.record.Record(args.out / f'{name}.json', dict(dry_run=args.dry_run), clock.now, clock)
            record.write(complete=True)

    monkeypatch.setattr(gpu.main, 'start', start)
    monkeypatch.setattr(sys, 'argv', ['gpu.py', '--out', str(tmp_path), *words])
    gpu.main.run_parts(gpu.main.parse_args())
    return found


def test_what_is_run_and_for_how_long(gpu, monkeypatch, tmp_path, capsys):
    first = started(gpu, monkeypatch, tmp_path, '--parts', 'steps', 'equality', '--minutes', '4')
    rest = 240 - 2 * gpu.main.GRACE
    assert first == dict(steps=round(rest * 190 / 370), equality=round(rest - rest * 95 / 370))
    names = list(started(gpu, monkeypatch, tmp_path))
    assert names == ['feeding', 'batches', 'compiled']  # two are done, and the chain has no sets
    assert 'chain: left out, no --sets' in capsys.readouterr().out
    assert list(started(gpu, monkeypatch, tmp_path, '--sets', 'sets')) == ['chain']
    assert started(gpu, monkeypatch, tmp_path, '--sets', 'sets') == {}
    both = started(gpu, monkeypatch, tmp_path, '--dry-run')
    assert both['equality'] == both['chain']  # at the same time
    assert list(both) == gpu.main.PARTS  # other settings
    (tmp_path / 'steps.json').unlink()
    assert started(gpu, monkeypatch, tmp_path, '--parts', 'steps', '--minutes', '0.5') == {}
    assert 'no time left' in capsys.readouterr().out


@pytest.mark.parametrize(('gib', 'each', 'own'), [(80, 0.31, 4.2), (80, 40.0, 0.1), (8, 0.24, 0.9)])
def test_the_largest_batch_of_a_made_up_memory(gpu, gib, each, own):
    tried = []

    def fits(batch):
        tried.append(batch)
        return own + each * batch <= gib

    exact = int((gib - own) / each)
    found = gpu.speed.search(fits, 30, 4096)
    assert 0.96 * exact - 1 <= found <= exact
    assert len(tried) <= 10
    assert gpu.speed.search(lambda batch: True, 30, 100) == 60  # never above the limit
    assert gpu.speed.search(lambda batch: False, 30, 100) == 0


def part(**items):
    return dict(
        settings=dict(dry_run=False), date='2026-01-02', seconds=61.0, complete=True, late=['lite0'], items=items
    )


def test_targets_and_tables_from_figures_made_by_hand(gpu):
    """A step of 30 clips of 10 GMAC in 15 ms: 2,000 clips/s, 3 * 300 GMAC / 15 ms = 60 of 150 TMAC/s."""

    def timed(*seconds, peak=None):
        return dict(batch=30, multiplications=10**10, seconds=seconds, peak_bytes=peak, warm_up=7.04)

    bf16 = 'bf16, channels_last_3d'
    rates = {'float32': 25e12, 'bf16': 150e12}
    vspp = {'vspp: float32': timed(0.061, 0.060, 0.050), f'vspp: {bf16}': timed(0.015, peak=3 * 2**30)}
    auxskd = {'auxskd: float32': timed(0.04), f'auxskd: {bf16}': timed(0.02)}
    none = {'vspp: float32, TF32 off': dict(failed='OutOfMemoryError: none')}
    steps = part(**{'matrix products': rates, f'auxskd: {bf16}': auxskd[f'auxskd: {bf16}'], **vspp, **auxskd, **none})
    larger = part(**{f'vspp: {bf16}': dict(timed(0.05), batch=120)})
    loading = {f'loading from {layout}': dict(vspp=0.003, auxskd=0.004) for layout in ('mp4', 'jpg', 'raw')}
    wait = dict(workers=15, times=[9.0, 0.02], waits=[8.0, 0.002], share=0.1)
    feeding = part(
        **{'jitter of vspp': dict(seconds=0.0003), 'jitter of auxskd': dict(seconds=0.001), 'epoch from mp4': wait},
        **loading,
    )
    cells = [
        dict(row='public', column='all', mean=0.25, half=None, n=1),
        dict(row='pace', column='all', mean=0.3, half=0.02, n=2),
    ]
    table = dict(
        rows=dict(public='public weights', pace='then VideoPace'), columns=['all'], cells=cells, comparisons=[]
    )
    errors = {'float64': 1e-12, 'float32': 1e-3, 'float32 on the CPU': 1e-6, 'float32, TF32 on': 1e-3}
    equality = part(
        **{
            'steps of vcop': dict(losses=[1.0], errors=errors, limits=dict(float64=1e-8, float32=1e-4), equal=False),
            'resume of vspp': dict(equal=True, places=[]),
            'fp16 of vcop': dict(failed='RuntimeError: overflow'),
        }
    )
    chain = part(words=dict(ended='the time', table=table))
    parts = dict(steps=steps, batches=larger, feeding=feeding, equality=equality, chain=chain)
    text = gpu.report.page(parts, 'A Card', 'python benchmarks/gpu.py')
    lines = text.splitlines()
    assert lines[:5] == ['# Measurements on a GPU', '', 'A Card; 2026-01-02', '', '`python benchmarks/gpu.py`']
    for line in (
        '| bf16 with channels_last_3d at least 3 times float32, vspp | 4.00 times | reached |',
        '| bf16 with channels_last_3d at least 3 times float32, auxskd | 2.00 times | missed |',
        '| bf16 with channels_last_3d at least 3 times float32, rspnet |  | not measured |',
        '| 30% of the bf16 matmul rate, VSPP on R(2+1)D | 48.0% | reached |',
        '| jitter under 3% of a step, vspp | 2.00% | reached |',
        '| jitter under 3% of a step, auxskd | 5.00% | missed |',
        '| data wait under 5% of an epoch, mp4 store | 10.00% | missed |',
        '| data wait under 5% of an epoch, jpg store |  | not measured |',
        f'| vspp | {bf16} | 30 | 15.0 (15.0-15.0) | 2000.0 | 4.00 | 40.0% | 3.00 | 6.0 | 7.0 |',
        f'| vspp | {bf16} | 120 | 50.0 (50.0-50.0) | 2400.0 | 4.80 | 48.0% |  | 7.2 | 7.0 |',
        '- Failed: vspp: float32, TF32 off: OutOfMemoryError: none',
        f'| auxskd | {bf16} | 30 | 20.0 (20.0-20.0) | 3000.0 | 2.00 | 40.0% |  | 6.0 | 7.0 |',
        '- No time left for: lite0',
        '- Failed: fp16 of vcop: RuntimeError: overflow',
        'A deterministic run that is cut off and resumed: vspp equal to the bit.',
        '### words, ended by the time',
        '| then VideoPace | 30.0 ± 2.0 (2) |',
    ):
        assert line in lines, (line, text)
    assert 'NOT EQUAL' in text
    dry = part(**vspp)
    dry['settings'] = dict(dry_run=True)
    text = gpu.report.page(dict(steps=dry), 'x', 'y')
    assert text.startswith('# Dry run on the CPU')
    assert 'float32, vspp |  | of a GPU only |' in text
    assert 'reached' not in text
    assert 'missed' not in text


def test_multiplications_are_those_of_get_flops(gpu):
    """Two ways to the same number: the summary of the config that tools/analysis/get_flops.py prints."""
    from auxskd_mm.apis import load_config
    from auxskd_mm.zoo.model_summary import model_summary

    options = {'model.backbone.base_channels': 4, 'model.cls_head.in_channels': 32}
    summary = model_summary(load_config(str(ROOT / 'configs' / 'vspp_r21d_k100.py'), options), shape=(16, 32, 32))
    backbone = next(one.flops for one in summary.parts if one.name == 'backbone')
    assert gpu.speed.multiplications('vspp', 4, 32) == backbone


def test_the_batch_part_runs(gpu, monkeypatch, tmp_path):
    """The cheapest part, whole, on the CPU: a made-up memory holds three videos."""
    monkeypatch.setattr(gpu.speed, 'METHODS', ('vspp',))
    record = gpu.record.Record(tmp_path / 'batches.json', {}, gpu.main.time.time() + 60)
    gpu.speed.batches(record, gpu.sizes.DRY._replace(channels=2), torch.device('cpu'))
    record.write(complete=True)
    content = gpu.record.read_part(tmp_path / 'batches.json')
    assert content['complete'], content
    first, second = content['items'].items()
    assert first[0] in ('vspp: bf16, channels_last_3d', 'vspp: float32, channels_last_3d')
    assert (second[0], first[1]['batch'], second[1]['batch']) == ('vspp: float32', 3, 3)


@pytest.mark.parametrize('name', ['tennis7', 'miracl_words', 'avletters26', 'grid_sentences'])
def test_sets_are_packed_and_found_elsewhere(gpu, tmp_path, name):
    source, clips = tmp_path / name, gpu.chain.SETS[name]
    rows = [(kind, f'{kind}{i}.mp4', f'g{i // 2}') for kind in ('a', 'b') for i in range(8)]
    for kind, file, _ in rows:
        (source / kind).mkdir(parents=True, exist_ok=True)
        write_video(source / kind / file, num_frames=4)
    table = tmp_path / 'table.csv'
    table.write_text('class,file,group\n' + ''.join(f'{",".join(row)}\n' for row in rows))
    assert gpu.chain.pack([f'{source}={table}'], tmp_path / 'sets') < 1e6
    text = (tmp_path / 'sets' / name / 'lists' / '0' / 'train.txt').read_text()
    assert str(tmp_path) not in text
    moved = (tmp_path / 'sets').rename(tmp_path / 'elsewhere')
    assert gpu.chain.unpack(moved, tmp_path / 'work') == [name]
    line = (tmp_path / 'work' / name / 'lists' / '0' / 'train.txt').read_text().splitlines()[0]
    assert line.startswith(f'{moved / name / "store"}/')
    plan = gpu.chain.plan_of(name, tmp_path / 'work', gpu.sizes.GPU._replace(seeds=2))
    rows = [step for step in plan.steps if step.row is not None]
    assert [step.row.name for step in rows] == ['random', 'public', 'pace', 'vspp', 'auxskd_vspp'] * 2
    assert {step.steps for step in rows} == {300}
    assert [step.steps for step in plan.steps if step.row is None][:4] == [300, 300, 75, 225]
    # A mirrored forehand looks like a backhand; the clips of words are short.
    assert all(('flip' in step.options) == (not clips.flip) for step in plan.steps)
    short = clips.pretext.get('vspp', {})
    assert all(short.items() <= step.options.items() for step in plan.steps if step.row is None)
    assert bool(short) == (name == 'miracl_words')
    with pytest.raises(InputError, match=r'MB, more than 0 MB even at crf 31; pack fewer sets'):
        gpu.chain.pack([f'{source}={table}'], tmp_path / 'sets', limit=10)


def test_sets_that_cannot_be_packed_or_found(gpu, tmp_path):
    (tmp_path / 'tennis7').mkdir()
    for text, reason in (
        (f'{tmp_path}/golf', 'unknown set'),
        (f'{tmp_path}/tennis7', r'no such folder, or no .*groups.csv'),
    ):
        with pytest.raises(InputError, match=reason):
            gpu.chain.pack([text], tmp_path / 'out')
    with pytest.raises(InputError, match=r'no packed set; make one by --pack'):
        gpu.chain.unpack(tmp_path, tmp_path / 'work')


def test_a_machine_without_a_gpu_gets_one_line(gpu, monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr(sys, 'argv', ['gpu.py', '--out', str(tmp_path / 'out')])
    with pytest.raises(InputError, match='no CUDA device here: run this on a machine with a GPU, or --dry-run'):
        gpu.main.main(gpu.main.parse_args())
    assert not (tmp_path / 'out').exists()
    monkeypatch.setattr(sys, 'argv', ['gpu.py', '--out', str(tmp_path), '--report'])
    with pytest.raises(InputError, match='no file of a part'):
        gpu.main.main(gpu.main.parse_args())


def test_errors_against_a_reference(gpu):
    reference = dict(losses=[3.0, 4.0], weights=[1.0, 0.0])
    assert gpu.equality.error_of(reference, reference) == 0
    run = dict(losses=[3.0, 4.5], weights=[1.0, 0.2])
    assert gpu.equality.error_of(run, reference) == pytest.approx(0.2)  # 0.5 / 5 in the losses, 0.2 / 1 in the weights


@pytest.mark.parametrize('dtype', ['fp16', 'bf16'])
def test_the_mixed_precision_part_runs_for_all_methods(gpu, tmp_path, dtype):
    """On the CPU both are in bf16. All 300 steps: the slow test below."""
    data = gpu.equality.tiny_clips(tmp_path / 'clips')
    for method in gpu.equality.METHODS:
        found = gpu.equality.mixed_precision(method, dtype, data, tmp_path / method, 3, torch.device('cpu'))
        assert (found['steps'], found['finite'], found['not_finite']) == (3, True, []), (method, found)


@pytest.mark.slow
@pytest.mark.parametrize('method', ['vspp', 'auxskd', 'pace', 'vcop', 'rspnet'])
def test_three_hundred_steps_in_bf16_are_finite(gpu, tmp_path, method):
    data = gpu.equality.tiny_clips(tmp_path / 'clips')
    found = gpu.equality.mixed_precision(method, 'bf16', data, tmp_path / 'work', 300, torch.device('cpu'))
    assert (found['steps'], found['finite']) == (300, True), found


def test_steps_that_are_not_finite_are_named(gpu, monkeypatch, tmp_path):
    data, builder = gpu.equality.tiny_clips(tmp_path / 'clips'), gpu.equality.runner_of

    def overflowing(*args):
        runner = builder(*args)
        with torch.no_grad():
            next(runner.model.cls_head.parameters()).fill_(float('inf'))
        return runner

    monkeypatch.setattr(gpu.equality, 'runner_of', overflowing)
    found = gpu.equality.mixed_precision('vspp', 'bf16', data, tmp_path / 'work', 2, torch.device('cpu'))
    assert (found['finite'], found['not_finite']) == (False, [0, 1])


@pytest.mark.parametrize('room', [41, 30, 3])
def test_the_memory_search_survives_an_allocator_that_refuses(gpu, monkeypatch, room):
    """A step of more than ``room`` clips fails like CUDA's; the timing then needs a tenth more, as faster algorithms do."""
    tried = []

    def step_of(method, args, device, way):
        def run():
            tried.append(args.batch)
            if args.batch > room:
                raise torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2.00 GiB')

        return run

    def way_of(method, way, args, device):
        if args.batch * 1.1 > room:
            raise torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2.00 GiB')
        return dict(batch=args.batch)

    monkeypatch.setattr(gpu.speed.step, 'step_of', step_of)
    monkeypatch.setattr(gpu.speed, 'way_of', way_of)
    way, cpu = gpu.speed.step.Way(), torch.device('cpu')
    found = gpu.speed.largest('vspp', way, gpu.sizes.GPU, cpu)['batch']
    assert 0.8 * room / 1.1 - 1 <= found <= room / 1.1
    assert len(set(tried)) < 12
    room = 0
    with pytest.raises(RuntimeError, match='not even one video fits'):
        gpu.speed.largest('vspp', way, gpu.sizes.GPU, cpu)
    monkeypatch.setattr(gpu.speed.step, 'step_of', lambda *args: torch.zeros(2).view(3))
    with pytest.raises(RuntimeError, match='invalid for input of size'):  # another error is not taken for a full memory
        gpu.speed.largest('vspp', way, gpu.sizes.GPU, cpu)
