"""Leaves a background process of a shell behind."""

import subprocess

subprocess.Popen("nohup setsid sleep 987654 >/dev/null 2>&1 &", shell=True).wait()


def solve(a, b):
    return 0
