"""Long recordings: windows of them as virtual clips, and an index of each file so that every window is read at the same cost.

A window of a recording is named by a *virtual path*, ``<recording>#t=<start>,<end>`` in seconds, as in the W3C Media
Fragments. :func:`~auxskd_mm.datasets.readers.open_reader` opens it like a file. It has a name, a label, a state and a row
of features of its own.
"""
