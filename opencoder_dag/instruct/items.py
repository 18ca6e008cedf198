"""One instruction item, and the table of them.

Belongs here: the columns of stage "instruct_data" and how an item gets its identity. Does not belong here:
where items come from.
"""

from __future__ import annotations

import hashlib
from typing import Any

import pyarrow as pa

from opencoder_dag.document import document_id

ITEM_SCHEMA = pa.schema(
    [
        pa.field("doc_id", pa.string(), nullable=False),
        pa.field("instruction", pa.large_string(), nullable=False),
        pa.field("output", pa.large_string(), nullable=False),
        pa.field("stage", pa.int32(), nullable=False),  # 1: broad, 2: practical (OpenCoder, section 8)
        pa.field("kind", pa.string(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),  # of instruction and output
        pa.field("repo", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("size", pa.int64(), nullable=False),  # bytes of both as UTF-8
    ]
)

# What the stage has to know of a candidate and does not publish.
CANDIDATE_SCHEMA = pa.schema(
    [
        *ITEM_SCHEMA,
        pa.field("subject", pa.string(), nullable=False),  # digest of the code that it is about
        pa.field("program", pa.large_string()),  # must pass for the item to enter; null: nothing to run
        pa.field("recording", pa.large_string()),  # a function whose results are needed first (`semi.py`)
        pa.field("order", pa.uint64(), nullable=False),
        pa.field("error", pa.string()),  # the file could not be mined
        pa.field("refused", pa.string()),  # reason and evidence as JSON, where the source itself rules it out
    ]
)


def item_row(
    instruction: str,
    output: str,
    *,
    stage: int,
    kind: str,
    repo: str,
    path: str,
) -> dict[str, Any]:
    """One item in the columns of `ITEM_SCHEMA`."""
    instruction, output = instruction.strip(), output.strip()
    encoded = f"{instruction}\n{output}".encode()
    digest = hashlib.sha256(encoded).hexdigest()
    return {
        "doc_id": document_id(kind, repo, path, digest),
        "instruction": instruction,
        "output": output,
        "stage": stage,
        "kind": kind,
        "sha256": digest,
        "repo": repo,
        "path": path,
        "size": len(encoded),
    }


def subject_of(code: str) -> str:
    """Digest of code, blind to white space and comments at line ends."""
    lines = (line.split("  #")[0] for line in code.splitlines())
    return hashlib.sha256("".join("".join(lines).split()).encode("utf-8", "surrogatepass")).hexdigest()[:32]


def fenced(code: str, language: str = "python") -> str:
    """Code as a Markdown block."""
    return f"```{language}\n{code.strip()}\n```"
