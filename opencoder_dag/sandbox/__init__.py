"""The sandbox: runs programs that nobody has read, and says truthfully how they ended.

Belongs here: containment (bubblewrap, or limits and sessions where it is missing), warm workers, and the
verdict that the program under test cannot forge. Does not belong here: what programs are for.
"""

from opencoder_dag.sandbox.containment import bubblewrap_problem, sandbox_kind
from opencoder_dag.sandbox.options import Kind, Outcome, Program, SandboxOptions, Verdict
from opencoder_dag.sandbox.pool import Sandbox, run_programs

__all__ = [
    "Kind",
    "Outcome",
    "Program",
    "Sandbox",
    "SandboxOptions",
    "Verdict",
    "bubblewrap_problem",
    "run_programs",
    "sandbox_kind",
]
