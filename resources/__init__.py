"""The engines and services that assets run on: lake, recipes, Dask, DeepSpeed, MLflow, sandbox.

Each resource wraps one thing of the outside world and hands the library what it needs; no algorithm is here.
"""

import os

# Before MLflow is imported anywhere, by whatever process loads the definitions: nothing phones home.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("DO_NOT_TRACK", "true")
