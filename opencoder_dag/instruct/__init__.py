"""The room of instruction data: items mined from the corpus, verified by running, decontaminated.

`build_instruct_data` is the stage; its items are what `sft_model` is tuned on. `ChatModel` is a language
model behind an address, which this room and the mix can ask for more.
"""

from opencoder_dag.instruct.llm import ChatModel
from opencoder_dag.instruct.stage import build_instruct_data

__all__ = ["ChatModel", "build_instruct_data"]
