"""The model itself: architecture presets, the tokenizer and its special tokens. Training is `train/`."""

from opencoder_dag.model.architecture import PRESETS, llama_config, parameter_count, shape_of
from opencoder_dag.model.tokenizer import train_tokenizer

__all__ = ["PRESETS", "llama_config", "parameter_count", "shape_of", "train_tokenizer"]
