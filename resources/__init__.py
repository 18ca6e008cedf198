"""The engines and services that assets run on: lake, recipes, Dask, DeepSpeed, MLflow, sandbox.

Each resource wraps one thing of the outside world and hands the library what it needs; no algorithm is here.
"""
