"""Readers of stacks: files that hold the frames of one video as arrays.

A module here is named after the suffixes that it reads, such as ``npy_npz``, and its ``READER`` is a :class:`StackReader`.
So a further kind of file takes one further module. It is imported when such a file is opened.
"""
