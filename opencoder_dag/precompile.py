"""`python -m opencoder_dag.precompile`: compile the loops once, when the package is installed.

Belongs here: a walk of some installed files through what has compiled loops. numba keeps what it
compiles beside the source, so that later nobody waits for it, nor do several workers compile the same.
"""

from __future__ import annotations

from tempfile import TemporaryDirectory

from opencoder_dag.dedup import deduplicate
from opencoder_dag.engine import SerialEngine
from opencoder_dag.lake import Lake
from opencoder_dag.recipe_files import load_recipe
from opencoder_dag.rules import filter_corpus
from opencoder_dag.sources import collect, sources_from_spec
from opencoder_dag.web.segment import encode, train_segmenter

SOURCE_BYTES = 6_000_000
SHARD_BYTES = 300_000


def precompile() -> None:
    """Take some of the installed code through dedup and filter, in a lake that is thrown away; cut a text."""
    recipe, engine = load_recipe("baseline"), SerialEngine()
    with TemporaryDirectory() as folder:
        lake = Lake(folder)
        raw = collect(lake, sources_from_spec("installed"), SOURCE_BYTES, SHARD_BYTES, engine)
        unique = deduplicate(lake, [raw], recipe.dedup, engine)
        filter_corpus(lake, [unique], recipe.filter, recipe.seed, engine)
    text = __doc__ or ""
    encode(train_segmenter([text], 300), [text])


if __name__ == "__main__":
    precompile()
