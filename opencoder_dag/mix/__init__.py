"""The room where it is decided what a model sees: held-out documents, the parts of the mix and their shares.

`select_held_out` sets whole repositories aside, `build_mix` draws the pre-training and the annealing
mixture from the rest, by tokens.
"""

from opencoder_dag.mix.annealing import build_mix
from opencoder_dag.mix.held_out import HeldOut, select_held_out

__all__ = ["HeldOut", "build_mix", "select_held_out"]
