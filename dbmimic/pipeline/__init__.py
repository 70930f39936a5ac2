"""
The story: schema, graph, plan, masks, cleared target, key sets, batches, finished copy, verdict.

In: ports and a request. Out: a RunReport or a Preview. Never: an engine's name, a terminal.
Read first: `copy`.
"""
