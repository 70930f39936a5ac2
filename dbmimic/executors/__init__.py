"""
How units run: each executor is a `concurrent.futures.Executor`.

In: a function and units. Out: futures. Never: an import of the pipeline; the function is handed in.
"""

from dbmimic.executors.inline import InlineExecutor
from dbmimic.executors.processes import ProcessExecutor
from dbmimic.executors.scheduler import DaskExecutor

__all__ = ["DaskExecutor", "InlineExecutor", "ProcessExecutor"]
