"""The special tokens of our tokenizers and the ChatML template.

Belongs here: the names of tokens that have a meaning beyond text. What is done with them is in `train/`.
"""

from __future__ import annotations

END_OF_TEXT = "<|endoftext|>"
MESSAGE_START = "<|im_start|>"
MESSAGE_END = "<|im_end|>"
PADDING = "<|pad|>"
FIM_PREFIX = "<|fim_prefix|>"
FIM_MIDDLE = "<|fim_middle|>"
FIM_SUFFIX = "<|fim_suffix|>"
FIM_PADDING = "<|fim_pad|>"
REPOSITORY_NAME = "<|repo_name|>"
FILE_SEPARATOR = "<|file_sep|>"

# Their ids are 0, 1, 2, ... in this order.
SPECIAL_TOKENS = (
    END_OF_TEXT,
    MESSAGE_START,
    MESSAGE_END,
    PADDING,
    FIM_PREFIX,
    FIM_MIDDLE,
    FIM_SUFFIX,
    FIM_PADDING,
    REPOSITORY_NAME,
    FILE_SEPARATOR,
)

# ChatML (OpenCoder, facts section 6): one message a block, roles system, user and assistant.
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    f"{{{{ '{MESSAGE_START}' + message['role'] + '\\n' + message['content'] + '{MESSAGE_END}' + '\\n' }}}}"
    "{% endfor %}"
    f"{{% if add_generation_prompt %}}{{{{ '{MESSAGE_START}assistant\\n' }}}}{{% endif %}}"
)
