"""Backends of :func:`open_reader` for tests: those that can be used here, and the others as skipped parameters."""

import pytest

from auxskd_mm.datasets.readers import READERS

MISSING = {name: reader.missing() for name, reader in READERS.items()}
USABLE = [name for name, missing in MISSING.items() if not missing]
BACKENDS = [
    pytest.param(name, marks=pytest.mark.skipif(bool(missing), reason=missing)) for name, missing in MISSING.items()
]
