"""Readers of video files with other libraries than PyAV.

A module here has the name that ``backend`` has in a config, and its ``READER`` is a :class:`LibraryReader`. So a further
library takes one further module. The module imports its library only when it is used.
"""
