"""``python -m auxskd_mm_cli`` is ``auxskd-mm``, for environments whose scripts are not on the PATH."""

import sys

from .main import main

sys.exit(main())
