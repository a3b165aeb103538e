"""From a folder to a verdict and a model, with two steps of training; a second start runs nothing again."""

import dataclasses
import json
import re
import shutil

import av
import pytest
import timm
import torch
from tool_runs import call_tool

from auxskd_mm.checkpoint_files import read_state
from auxskd_mm.datasets.motion_clips import MotionClipsSettings, make_motion_clips
from auxskd_mm.datasets.recordings.expand import WHOLE, Windows
from auxskd_mm.errors import InputError, Terminated
from auxskd_mm.files import only_writer
from auxskd_mm.models.backbones.image_networks import packaged_weights
from auxskd_mm.own_videos import model, planner, run
from auxskd_mm.own_videos.planner import Costs
from auxskd_mm.own_videos.run import Settings, own_videos
from auxskd_mm.own_videos.screen import Screen

SETTINGS = MotionClipsSettings(train=6, val=0, test=0, frames=16, width=48, height=36, classes=('translation', 'zoom'))


def costs(out, content):
    """What is measured otherwise, the same for every network."""
    phases = [phase['name'] for phase in content.phases]
    named = (content.families, 1e-4), (content.learners, 1e-3), (phases, 1e-3), (content.families, 1000.0)
    return Costs(*(dict.fromkeys(names, value) for names, value in named))


@pytest.fixture(scope='module')
def patched():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planner, 'LADDER', ((2, 2),))
        patch.setattr(planner, '_LADDER_WORTH', (1.0,))
        additions = ((('pixels_tuned', 'pixels_pace', 'pixels_pace_frozen'), 1.0),)
        patch.setattr(run, 'plan_of', lambda content: dict(always=(), additions=additions))
        patch.setattr(run, 'MOST_SPLITS', 2)
        patch.setattr(run, 'measure', costs)
        patch.setenv('OMP_NUM_THREADS', '1')
        yield patch


@pytest.fixture(scope='module')
def videos(tmp_path_factory):
    root = tmp_path_factory.mktemp('own')
    make_motion_clips(root / 'clips', SETTINGS)
    folder = root / 'mine'
    shutil.copytree(root / 'clips' / 'train', folder)
    (folder / 'zoom' / 'zoom_00003.mp4').rename(folder / 'zoom' / 'a zoom 3.mp4')
    (folder / 'zoom' / 'broken.mp4').write_bytes(b'no video')
    shutil.copy(folder / 'zoom' / 'zoom_00000.mp4', folder / 'zoom' / 'again.mp4')
    shutil.copy(folder / 'zoom' / 'zoom_00001.mp4', folder / 'free.mp4')  # a labelled one stays
    return folder


def settings(videos, **changes):
    wanted = dict(minutes=10.0, weights='none', jobs=1, variables=dict(width=4))
    return Settings(videos, videos.parent / 'out', **{**wanted, **changes})


@pytest.fixture(scope='module')
def first(videos, patched, tmp_path_factory):
    screen_file = tmp_path_factory.mktemp('screen') / 'screen.txt'
    with open(screen_file, 'w') as stream:
        outcome = own_videos(settings(videos), Screen(stream))
    return outcome, screen_file.read_text()


def test_the_screen_says_what_was_left_out_the_plan_and_the_answers(first, videos):
    text = first[1]
    assert 'left out: zoom/broken.mp4' in text
    assert '2 videos have the content of another and are left out' in text
    assert 'warning: no groups given' in text
    assert 'plan for 10 minutes, 2 splits by group, 1 at a time' in text
    assert re.search(r'pixels_pace +2 \+ 2', text)
    for letter in 'abcdef':
        assert f'\n({letter}) ' in text
    assert re.search(r'split 2, percent on held-out clips \(.*\): .*pixels_tuned \d+', text)


def test_the_screen_counts_the_probes(first):
    """They are fitted after the last training, one after the other. None may take long without a line."""
    lines = re.findall(r'probe (\d+) of (\d+) on frozen features, about \d+ s left', first[1])
    assert lines
    assert lines == [(str(i + 1), str(len(lines))) for i in range(len(lines))]


def test_the_report_is_one_file_with_the_verdict_on_top(first):
    outcome = first[0]
    page = outcome.report.read_text()
    body = page[page.index('<body>') :]
    assert body.index('class="verdict"') < body.index('<h2>')
    assert 'src="data:image/png;base64,' in body
    assert not re.search(r'(src|href)="(?!data:)', page)
    data = json.loads((outcome.report.parent / 'answers.json').read_text())
    assert set(data['answers']) == set('abcdef')
    assert data['chosen'] in data['rows']
    assert data['rows']['pixels_tuned']['test'] == outcome.table.test['pixels_tuned']


def cells(out):
    return {path: path.stat().st_mtime_ns for path in out.glob('cells/*/phase.json')}


def test_a_second_start_runs_nothing_again(first, videos, capsys):
    out = first[0].report.parent
    before = cells(out)
    again = own_videos(settings(videos), Screen())
    assert cells(out) == before
    assert again.table.test == first[0].table.test
    assert '15 videos checked, 0 of them now' in capsys.readouterr().out
    assert again.answers == first[0].answers


def test_a_moved_folder_keeps_its_results(first, videos, tmp_path):
    out = tmp_path / 'moved'
    shutil.copytree(first[0].report.parent, out)
    before = {path.name for path in (out / 'cells').iterdir()}
    own_videos(Settings(videos, out, 10.0, weights='none', jobs=1, variables=dict(width=4)), Screen(quiet=True))
    assert {path.name for path in (out / 'cells').iterdir()} == before


@pytest.mark.parametrize('row', ['pixels_tuned', 'pixels_pace_frozen'])
def test_the_model_answers_with_class_names(row, first, videos, monkeypatch, capfd):
    out = first[0].report.parent
    chosen = first[0].choice
    monkeypatch.setattr(run, 'choose', lambda table: dataclasses.replace(chosen, row=row, learnable='yes'))
    outcome = own_videos(settings(videos), Screen(quiet=True))
    words = outcome.command.split()
    assert words[:2] == ['python', 'tools/predict.py']
    ended = call_tool(monkeypatch, capfd, 'predict.py', *words[2:], '--no-progress')
    assert ended.code == 0, ended.err
    assert re.search(r'\.mp4: class (translation|zoom) \(', ended.out)
    assert (out / 'model' / 'config.py').is_file()


def test_another_folder_does_not_mix_into_a_work_dir(first, videos, tmp_path):
    other = tmp_path / 'other'
    shutil.copytree(videos, other)
    with pytest.raises(InputError, match='holds the answers on a folder mine, not other'):
        own_videos(Settings(other, first[0].report.parent), Screen(quiet=True))
    (tmp_path / 'full').mkdir()
    (tmp_path / 'full' / 'a.txt').write_text('mine')
    with pytest.raises(InputError, match=r'no work dir of tools/own_videos\.py'):
        own_videos(Settings(other, tmp_path / 'full'), Screen(quiet=True))


def test_bad_input_is_one_line_of_the_tool(tmp_path, videos, monkeypatch, capfd):
    one = tmp_path / 'one'
    shutil.copytree(videos / 'zoom', one / 'zoom')
    line = call_tool(monkeypatch, capfd, 'own_videos.py', one, '--out', tmp_path / 'out').error_line()
    assert line.startswith('all labelled videos are of one class, zoom')
    line = call_tool(monkeypatch, capfd, 'own_videos.py', videos, '--weights', 'nowhere.pth', '--out', tmp_path / 'o')
    assert 'nowhere.pth' in line.error_line()
    line = call_tool(monkeypatch, capfd, 'own_videos.py', videos, '--minutes', 0, '--out', tmp_path / 'o').error_line()
    assert line.startswith('--minutes 0')


def test_a_full_disk_is_one_line(videos, tmp_path, patched):
    def full(*given, **options):
        raise OSError(28, 'No space left on device')

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, 'check_all', full)
        with pytest.raises(InputError, match='the disk is full; make room and run the same command again'):
            own_videos(Settings(videos, tmp_path / 'out'), Screen(quiet=True))


@pytest.mark.parametrize(
    ('stop', 'word'), [(KeyboardInterrupt(), 'interrupted'), (Terminated('terminated'), 'terminated')]
)
def test_a_stop_says_what_was_being_done_and_that_it_goes_on(stop, word, videos, tmp_path, patched):
    def stopped(*given, **options):
        raise stop

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, 'check_all', stopped)
        with pytest.raises(
            type(stop), match=f'^{word} while checking the videos; run the same command again, it goes on'
        ):
            own_videos(Settings(videos, tmp_path / 'out'), Screen(quiet=True))


def test_a_work_dir_has_one_writer(first, videos):
    out = first[0].report.parent
    with only_writer(out), pytest.raises(InputError, match='another process works in it'):
        own_videos(settings(videos), Screen(quiet=True))


def test_fewer_minutes_say_that_the_earlier_plan_goes_on(first, videos):
    before, screen = cells(first[0].report.parent), Screen(quiet=True)
    own_videos(settings(videos, minutes=4.0), screen)
    assert any(note.startswith('--minutes 4: fewer than the 10 of an earlier start') for note in screen.notes)
    assert cells(first[0].report.parent) == before


def test_the_plan_of_an_earlier_version_goes_on(first, videos):
    """Its costs have other names, and it may have rows that are now left out at these minutes."""
    plan = first[0].report.parent / 'plan.json'
    kept = plan.read_text()
    held = json.loads(kept)
    held['costs'].update(tuning=dict(pixels=1e-3), pretext=dict(pixels=1e-3))
    held['schedule']['rows'] = ['pixels_tuned']
    plan.write_text(json.dumps(held))
    before = cells(first[0].report.parent)
    try:
        outcome = own_videos(settings(videos), Screen(quiet=True))
        assert list(outcome.table.rows) == ['pixels_tuned']
        assert cells(first[0].report.parent) == before
        held['schedule']['rows'] = ['early_tuned']  # there are no public weights any more
        plan.write_text(json.dumps(held))
        assert set(own_videos(settings(videos), Screen(quiet=True)).table.rows) == set(first[0].table.rows)
    finally:
        plan.write_text(kept)


def test_a_slow_machine_cuts_a_plan_of_minutes_and_not_one_of_steps(first, videos, monkeypatch):
    monkeypatch.setattr(run, 'FEWEST_SPLITS', 1)
    monkeypatch.setattr(run, '_finished', lambda *given: False)
    made = run.fixed_schedule

    def slower(*given):
        schedule = made(*given)
        schedule.minutes = 0.001
        return schedule

    monkeypatch.setattr(run, 'fixed_schedule', slower)
    screen = Screen(quiet=True)
    lengths = planner.Lengths(('pixels_tuned', 'pixels_pace', 'pixels_pace_frozen'), 2, 2, 2)
    plan = first[0].report.parent / 'plan.json'
    kept = plan.read_text()
    outcome = own_videos(settings(videos, lengths=lengths), screen)
    assert len(outcome.table.splits) == 2
    assert not any('used up' in note for note in screen.notes)
    cut = own_videos(settings(videos, minutes=0.001), screen)  # goes on with the plan of before
    assert len(cut.table.splits) == 1
    assert screen.notes[-1].startswith('the 0.001 minutes are used up')
    pack = run._pack
    monkeypatch.setattr(run, '_pack', lambda *given: (pack(*given)[0], pack(*given)[1][:1]))
    own_videos(settings(videos, minutes=0.001), screen)  # packing has left videos out: there is no further split to cut
    assert sum('used up' in note for note in screen.notes) == 1
    plan.write_text(kept)


def test_a_model_is_never_of_two_rows_or_of_other_labels(first, videos, monkeypatch):
    """Its config and weights are two files, and a stop may come in between."""
    folder = first[0].report.parent / 'model'
    chosen = dataclasses.replace(first[0].choice, row='pixels_tuned', learnable='yes')
    monkeypatch.setattr(run, 'choose', lambda table: chosen)

    def stopped(*given, **options):
        raise KeyboardInterrupt

    own_videos(settings(videos), Screen(quiet=True))
    assert (folder / 'model.pth').is_file()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(model, 'join_trunk', stopped)
        with pytest.raises(KeyboardInterrupt, match='while training the model on all labels'):
            own_videos(settings(videos), Screen(quiet=True))
    assert not (folder / 'model.pth').exists()
    own_videos(settings(videos), Screen(quiet=True))
    monkeypatch.setattr(run, 'choose', lambda table: dataclasses.replace(chosen, learnable='no'))
    own_videos(settings(videos), Screen(quiet=True))
    assert not list(folder.glob('model.pth')) + list(folder.glob('config.py'))


NEXT_STAGES = ('late_frozen', 'late_stage_tuned', 'early_adapters_tuned', 'early_adapters_vspp')


@pytest.fixture(scope='module')
def next_stages(videos, patched, tmp_path_factory):
    """Rows on the next stage of a public network, whose weights are in a file."""
    root = tmp_path_factory.mktemp('stages')
    torch.manual_seed(0)
    weights = timm.create_model('tf_efficientnet_lite0').state_dict()
    torch.save(weights, root / 'lite0.pth')
    rows = (*NEXT_STAGES, 'early_adapters_vspp_frozen')
    lengths, few = planner.Lengths(rows, 1, 2, 2), dict(most_variants=1)
    wanted = Settings(videos, root / 'out', weights=str(root / 'lite0.pth'), jobs=1, lengths=lengths, variables=few)
    return wanted, weights, own_videos(wanted, Screen(quiet=True))


@pytest.mark.parametrize('row', ['late_stage_tuned', 'early_adapters_vspp', 'early_adapters_vspp_frozen'])
def test_a_model_on_the_next_stage_is_the_public_network_and_what_was_trained(row, next_stages, monkeypatch, capfd):
    wanted, weights, first = next_stages

    def missing(package):
        raise InputError(f'{package} is not installed')

    monkeypatch.setattr(packaged_weights, '_weights_file', missing)  # the weights are those of the file
    monkeypatch.setattr(run, 'choose', lambda table: dataclasses.replace(first.choice, row=row, learnable='yes'))
    outcome = own_videos(wanted, Screen(quiet=True))
    ended = call_tool(monkeypatch, capfd, 'predict.py', *outcome.command.split()[2:], '--no-progress')
    assert ended.code == 0, ended.err
    assert re.search(r'\.mp4: class (translation|zoom) \(', ended.out)
    state = read_state(wanted.out / 'model' / 'model.pth')
    trunk = {key: value for key, value in state.items() if key.startswith('backbone.trunk.') and key.endswith('weight')}
    assert trunk
    assert all(torch.equal(value, weights[key.removeprefix('backbone.trunk.')]) for key, value in trunk.items())
    later = {key: value for key, value in state.items() if '.blocks.5.' in key or '.blocks.3.' in key}
    later = {key[key.index('blocks.') :]: value for key, value in later.items() if key.startswith('backbone.temporal.')}
    same = {key: torch.equal(value, weights[key]) for key, value in later.items() if 'weight' in key and key in weights}
    assert same
    assert all(same.values()) == ('stage' not in row)
    scales = [value for key, value in state.items() if 'adapter' in key and key.endswith('weight')]
    assert bool(scales) == ('adapters' in row)


def joined(clips, path):
    """One file of the frames of some clips, without loss."""
    with av.open(str(path), 'w') as container:
        stream = container.add_stream('libx264rgb', rate=25, options={'crf': '0', 'x264-params': 'mbtree=0'})
        stream.width, stream.height, stream.pix_fmt = SETTINGS.width, SETTINGS.height, 'rgb24'
        for clip in clips:
            with av.open(str(clip)) as source:
                for frame in source.decode(video=0):
                    image = av.VideoFrame.from_ndarray(frame.to_ndarray(format='rgb24'), format='rgb24')
                    container.mux(stream.encode(image))
        container.mux(stream.encode(None))


def test_windows_of_recordings_give_the_answers_of_the_same_clips_in_files(patched, tmp_path):
    """Of five recordings of four clips, four have rows for their windows, and the fifth is divided for the pool."""
    make_motion_clips(tmp_path / 'clips', dataclasses.replace(SETTINGS, train=10))
    clips = sorted((tmp_path / 'clips' / 'train').rglob('*.mp4'))
    turns = [clip for pair in zip(clips[:10], clips[10:]) for clip in pair]  # one of each class in turn
    numbers = {}
    (tmp_path / 'files' / 'mine').mkdir(parents=True)
    (tmp_path / 'windows' / 'mine').mkdir(parents=True)
    for r in range(5):
        own = turns[4 * r : 4 * r + 4]
        joined(own, tmp_path / 'windows' / 'mine' / f'r{r}.mp4')
        for i, clip in enumerate(own):
            joined([clip], tmp_path / 'files' / 'mine' / f'r{r}_{i}.mp4')
            window = f'r{r}.mp4#t={0.64 * i:g},{0.64 * (i + 1):g}'
            numbers[f'r{r}_{i}.mp4'] = window
    outcomes = {}
    for kind, windows in (('files', WHOLE), ('windows', Windows(0.64))):
        name_of = {file: file if kind == 'files' else window for file, window in numbers.items()}
        lines = [
            'path,label,group',
            *(f'"{name_of[f"r{r}_{i}.mp4"]}",{"ab"[i % 2]},r{r}' for r in range(4) for i in range(4)),
        ]
        table = tmp_path / kind / 'labels.csv'
        table.write_text('\n'.join(lines) + '\n')
        few = dict(width=4, most_variants=1)  # further variants are drawn by the name of a video
        wanted = dict(labels=table, weights='none', jobs=1, variables=few, windows=windows)
        outcomes[kind] = own_videos(
            Settings(tmp_path / kind / 'mine', tmp_path / kind / 'out', 10.0, **wanted), Screen(quiet=True)
        )
    files, windows = outcomes['files'], outcomes['windows']
    assert windows.table.test == files.table.test
    assert windows.answers == files.answers
    pools = [(tmp_path / kind / 'out/lists/0/pool.txt').read_text().split() for kind in ('files', 'windows')]
    assert [numbers[name] for name in pools[0]] == pools[1]
    assert sum(name.startswith('r4') for name in pools[1]) >= 4
    report = (tmp_path / 'windows' / 'out' / 'report.html').read_text()
    assert 'out/videos.txt' in report
