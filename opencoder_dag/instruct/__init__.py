"""The room of instruction data: items mined from the corpus, verified by running, decontaminated.

`build_instruct_data` is the stage; its items are what `sft_model` is tuned on.
"""

from opencoder_dag.instruct.stage import build_instruct_data

__all__ = ["build_instruct_data"]
