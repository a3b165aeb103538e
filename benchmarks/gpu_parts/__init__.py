"""The parts of gpu.py, which runs each in a process of its own."""
