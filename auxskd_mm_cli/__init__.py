"""The command ``auxskd-mm``. It starts the tools of auxskd_mm without importing that package, which takes seconds."""
