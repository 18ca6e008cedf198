"""What is materialised: one file an asset, its checks beside it.

A file here gathers inputs, calls one function of the library and reports; the algorithm is in
`opencoder_dag/` and is tested without Dagster.
"""
