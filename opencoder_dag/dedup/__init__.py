"""Duplicates: exact by SHA-256, near by MinHash and LSH with exact verification, at three levels.

`deduplicate` is the stage; `detection_curve` says what a preset can find. The phases are in `search.py`.
"""

from opencoder_dag.dedup.presets import PRESETS, Preset, detection_curve, preset_of
from opencoder_dag.dedup.stage import deduplicate

__all__ = ["PRESETS", "Preset", "deduplicate", "detection_curve", "preset_of"]
