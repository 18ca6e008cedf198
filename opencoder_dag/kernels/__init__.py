"""The few hot loops, compiled with numba over Arrow's offsets and data buffers.

Belongs here: loops over bytes, hashes and integer arrays that release the GIL and are compiled once and
cached. Does not belong here: files, recipes, verdicts; those are the rooms' own.
"""
