"""
Words on a terminal, over the library: the only home of typer and rich.

In: flags. Out: results on standard output, everything for people on standard error, an exit status.
Never: work of its own. Read first: `app`.
"""
