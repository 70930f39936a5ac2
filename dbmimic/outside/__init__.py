"""
What a run starts and what it is seen by outside of itself: commands and log lines.

In: runs, events, words to hand on. Out: processes, lines. Never: a row's value, a password. Read first: `commands`.
"""
