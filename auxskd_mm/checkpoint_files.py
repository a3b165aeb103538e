"""Checkpoint files: find the file for a path, and read it. Every fault gives a one-line error."""

from __future__ import annotations

import difflib
import hashlib
import json
import logging
import re
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from mmengine.logging import print_log
from mmengine.runner.checkpoint import CheckpointLoader, _load_checkpoint

from .errors import InputError, examples, reason_of, refusal
from .files import SAFETENSORS, check_checkpoint
from .functional.public_weights import weights_in

if TYPE_CHECKING:
    from .typing import Device

# Start of the addresses of weights that come with this package.
PACKAGED = 'auxskd_mm://'
_WEIGHTS = Path(__file__).parent / 'zoo' / 'weights'
_STEP = re.compile(r'(?:epoch|iter)_(\d+)\.pth$')
# The form of publish_model: the start of the file's SHA-256 is a part of its name.
_HASHED = re.compile(r'(?P<name>.+)-(?P<digest>[0-9a-f]{8})\.pth')


def is_address(path: str) -> bool:
    """Whether MMEngine would fetch a path (``https://``, ``torchvision://`` ...) instead of opening a file."""
    return '://' in path and any(path.startswith(scheme) for scheme in CheckpointLoader._schemes if scheme)


def is_whole(path: str | Path) -> bool:
    """Whether a checkpoint is complete and its checksums fit (torch's files since 1.6 are zip archives)."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.testzip() is None
    except (OSError, zipfile.BadZipFile, EOFError, NotImplementedError, RuntimeError):
        return False


def find_last_good(work_dir: str | Path) -> Path | None:
    """Find the newest whole checkpoint in a work dir.

    The file that ``last_checkpoint`` names comes first. The others follow by time of writing, the newest first.

    Returns:
        The file, or None if the work dir has no checkpoint.

    Raises:
        InputError: If there are checkpoints and none of them is whole.
    """
    folder = Path(work_dir)
    candidates = [
        path for path in folder.glob('*.pth') if _STEP.search(path.name) and not path.name.startswith('best_')
    ]
    # The list above holds matching names only.
    candidates.sort(key=lambda path: (path.stat().st_mtime_ns, int(_STEP.search(path.name)[1])), reverse=True)  # type: ignore[index]
    pointer = folder / 'last_checkpoint'
    if pointer.is_file() and (named := pointer.read_text(errors='replace').strip()):
        # The pointer holds the path of the time of writing; a work dir that was moved keeps working.
        named_files = [path for path in (Path(named), folder / Path(named).name) if path.is_file()]
        candidates = named_files[:1] + [path for path in candidates if path.name != Path(named).name]
    for path in candidates:
        if is_whole(path):
            return path
        print_log(f'{path}: damaged or cut off, not resumed from', 'current', logging.WARNING)
    if candidates:
        raise InputError(f'{folder}: none of its {len(candidates)} checkpoints is whole; move them away to start anew')
    return None


def find_checkpoint(path: str) -> str:
    """Resolve a path to a checkpoint file. A folder stands for its newest whole checkpoint. Addresses do not change.

    Raises:
        InputError: If the file does not exist; the message names the files that do. Also if a folder without such a
            checkpoint holds no other file, or several.
    """
    if path.startswith(PACKAGED):
        packaged_file(path)
    if is_address(path):
        return path
    if not Path(path).is_dir():
        check_checkpoint(path)
        return path
    found = find_last_good(path)
    if found is None:
        others = sorted(Path(path).glob('*.pth'))
        if len(others) != 1:
            there = ', '.join(other.name for other in others[:8]) or 'no .pth file in it'
            raise InputError(f'{path}: a folder without a checkpoint epoch_N.pth or iter_N.pth; there is {there}')
        found = others[0]
    print_log(f'{path}: taking its last checkpoint {found.name}', 'current')
    return str(found)


def read_checkpoint(path: str | Path) -> Any:
    """Read a checkpoint to the CPU as plain data. No code in the file is run.

    Args:
        path: File, or an address that MMEngine knows. A file is mapped into memory if its format allows that.

    Raises:
        InputError: If the file is missing, damaged or a program (TorchScript); if loading it would run code; or if the
            address cannot be reached.
    """
    path = str(path)
    if path.startswith(PACKAGED):
        path = str(packaged_file(path))
    if is_address(path):
        try:
            return _load_checkpoint(path, map_location='cpu')
        except Exception as error:
            raise InputError(f'{path}: cannot be fetched ({reason_of(error)})') from error
    check_checkpoint(path)
    if path.endswith(SAFETENSORS):
        return load_from_safetensors(path)
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                if any(name.endswith('/constants.pkl') for name in archive.namelist()):
                    raise InputError(
                        f'{path}: a TorchScript program, not a checkpoint; load it with torch.jit.load and save its '
                        'state_dict() with torch.save'
                    )
            return torch.load(path, map_location='cpu', mmap=True, weights_only=True)
        return torch.load(path, map_location='cpu', weights_only=True)
    except InputError as error:  # a stand-in of compat says what is wrong, and not in which file
        raise InputError(str(error) if str(error).startswith(path) else f'{path}: {error}') from None
    except Exception as error:  # whatever a damaged or made-up file provokes
        raise InputError(f'{path}: {refusal(error)}') from None


def read_state(path: str | Path) -> dict[str, Any]:
    """Return the state dict in a checkpoint, or the checkpoint itself if it is a state dict.

    Raises:
        InputError: See :func:`read_checkpoint`. Also if the file holds no dict of tensors.
    """
    content = read_checkpoint(path)
    try:
        state = weights_in(content, str(path))
    except InputError:
        state = {}
    if not state or not all(hasattr(value, 'shape') for value in state.values()):
        raise InputError(f'{path}: holds no state_dict; expected a checkpoint of MMEngine or a dict of tensors')
    return state


def packaged_weights() -> dict[str, Path]:
    """Return the files of weights that come with this package, by the names of their configs."""
    found = ((_HASHED.fullmatch(path.name), path) for path in sorted(_WEIGHTS.glob('*.pth')))
    return {match['name']: path for match, path in found if match is not None}


def packaged_file(address: str) -> Path:
    """Return the file of an address such as ``auxskd_mm://vspp_motion``, or ``auxskd_mm://vspp_motion-0a1b2c3d.pth``.

    Raises:
        InputError: If the package has no such weights, or the file is not the one that was published.
    """
    asked = address.removeprefix(PACKAGED)
    files = packaged_weights()
    path = files.get(asked) or next((path for path in files.values() if path.name == asked), None)
    if path is None:
        near = difflib.get_close_matches(asked, files) or list(files)
        raise InputError(
            f'{address}: this package has no such weights; expected {PACKAGED} and one of {examples(near)}'
        )
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    if f'-{digest[:8]}.pth' not in path.name:
        raise InputError(f'{path}: damaged, its SHA-256 starts with {digest[:8]}; install auxskd_mm again')
    return path


@CheckpointLoader.register_scheme(prefixes=PACKAGED, force=True)
def load_from_package(address: str, map_location: Device = 'cpu') -> Any:
    """Read weights that come with this package, for ``load_from`` and ``init_cfg``; see :func:`packaged_file`."""
    return torch.load(packaged_file(address), map_location=map_location or 'cpu', weights_only=True)


# MMEngine's loader for addresses asks for the start of a path, by a regular expression: this one asks for its end.
@CheckpointLoader.register_scheme(prefixes=r'.*\.safetensors(\.index\.json)?$', force=True)
def load_from_safetensors(path: str, map_location: Device = 'cpu') -> dict[str, Any]:
    """Read a safetensors file: tensors by name, and nothing that could run.

    Args:
        path: File, or the index (``*.safetensors.index.json``) of a network in several files, which are in its folder.
        map_location: Device of the tensors, as for ``torch.load``.

    Raises:
        InputError: If a file is missing, cut off or damaged, or if the package safetensors is not installed.
    """
    try:
        from safetensors.torch import load_file
    except ImportError:
        raise InputError(f'{path}: reading it needs the package safetensors: pip install safetensors') from None
    check_checkpoint(path)
    if path.endswith('.json'):
        shards = _shards_of(Path(path))
        return {key: value for shard in shards for key, value in load_from_safetensors(shard, map_location).items()}
    try:
        state: dict[str, Any] = load_file(path, device=str(map_location or 'cpu'))
        return state
    except Exception as error:  # SafetensorError, OSError ...: whatever a damaged file provokes
        raise InputError(
            f'{path}: damaged, cut off or no safetensors file ({reason_of(error)}); copy or download it again'
        ) from None


def _shards_of(index: Path) -> list[str]:
    """Files that an index of safetensors names, each once."""
    try:
        names = sorted(set(json.loads(index.read_text(encoding='utf-8'))['weight_map'].values()))
        # A file that was made to harm must not name files of other folders.
        if not names or any(Path(name).name != name or not name.endswith(SAFETENSORS[0]) for name in names):
            raise ValueError
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise InputError(
            f"{index}: not an index of safetensors; expected a JSON file whose 'weight_map' names files in its folder"
        ) from None
    if missing := [name for name in names if not (index.parent / name).is_file()]:
        raise InputError(
            f'{index}: names {len(names)} files, and {examples(missing)} is not in its folder; download it'
        )
    return [str(index.parent / name) for name in names]
