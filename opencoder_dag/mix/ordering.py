"""The order of the files of a repository: what is imported stands before what imports it.

Belongs here: strongly connected components, the topological order of them and the order inside of a cycle.
The import graph itself is made in `imports.py`. Methods page, section 1.4 for the method and 3.2 for how well
each way through a cycle does.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence
from typing import Literal

import networkx as nx

from opencoder_dag.mix.imports import import_graph

DAMPING = 0.85
WithinCycle = Literal["pagerank", "feedback_arc"]
_NameKey = Callable[[int], tuple[str, str]]


def order_files(
    paths: Sequence[str], texts: Sequence[str], within_cycle: WithinCycle = "pagerank"
) -> list[int]:
    """Indices of the files, dependencies first.

    Files that import one another in a cycle stand together: with `pagerank` those of the highest score first
    (edges from importer to imported), with `feedback_arc` in the order of Eades, Lin and Smyth, which leaves
    fewer imports pointing backwards. Ties are broken by path, so that the order of the input does not matter.
    Raises `ValueError` if there are not as many texts as paths.
    """
    if len(paths) != len(texts):
        raise ValueError(f"{len(paths)} paths for {len(texts)} texts")

    def name(index: int) -> tuple[str, str]:
        return paths[index], texts[index]

    graph = nx.DiGraph()
    graph.add_nodes_from(sorted(range(len(paths)), key=name))
    imported = import_graph(paths, texts)
    graph.add_edges_from(
        (importer, target) for importer in graph for target in sorted(imported[importer], key=name)
    )
    inside = pagerank_order if within_cycle == "pagerank" else feedback_arc_order
    components = nx.condensation(graph)
    members = components.nodes(data="members")
    first = {component: min(map(name, files)) for component, files in members}
    # Edges run from importer to imported: reversed, the imported come first.
    order = nx.lexicographical_topological_sort(components.reverse(copy=False), key=first.__getitem__)
    return [index for component in order for index in inside(graph.subgraph(members[component]), name)]


def pagerank_order(cycle: nx.DiGraph, name: _NameKey) -> list[int]:
    """Nodes of a strongly connected graph, highest PageRank first; equal scores by name."""
    nodes = sorted(cycle, key=name)
    if len(nodes) == 1:
        return nodes
    ordered = nx.DiGraph()  # in the order of names, so that sums round alike whatever the input's order
    ordered.add_nodes_from(nodes)
    ordered.add_edges_from(sorted(cycle.edges, key=lambda edge: (name(edge[0]), name(edge[1]))))
    scores = nx.pagerank(ordered, alpha=DAMPING, max_iter=1000, tol=1e-12)
    return sorted(nodes, key=lambda node: (-round(scores[node], 9), name(node)))


def feedback_arc_order(cycle: nx.DiGraph, name: _NameKey) -> list[int]:
    """Nodes in an order with few imports of what comes later.

    Greedy heuristic of Eades, Lin and Smyth (1993): files that import nothing that is left go first, files
    that nothing imports go last, and else the file goes first that is imported most and imports least.
    """
    imports = {node: set(cycle.successors(node)) for node in cycle}
    importers = {node: set(cycle.predecessors(node)) for node in cycle}
    head: list[int] = []
    tail: list[int] = []
    queue: list[tuple[int, int, tuple[str, str], int]] = []

    def push(node: int) -> None:
        """Rank a node: what imports nothing before what nothing imports before the rest."""
        kind = 0 if not imports[node] else 1 if not importers[node] else 2
        heapq.heappush(queue, (kind, len(imports[node]) - len(importers[node]), name(node), node))

    for node in cycle:
        push(node)
    left = set(cycle)
    while left:
        kind, balance, _, node = heapq.heappop(queue)
        current = 0 if not imports[node] else 1 if not importers[node] else 2
        if node not in left or kind != current or balance != len(imports[node]) - len(importers[node]):
            continue  # an old rank
        left.remove(node)
        (tail if kind == 1 else head).append(node)
        changed = imports[node] | importers[node]
        for other in imports[node]:
            importers[other].discard(node)
        for other in importers[node]:
            imports[other].discard(node)
        for other in changed & left:
            push(other)
    return head + tail[::-1]
