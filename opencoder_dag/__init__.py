"""The cookbook: plain functions and types that turn raw code into an evaluated code language model.

Nothing here knows of Dagster or MLflow; `resources/` and `assets/` do.
"""
