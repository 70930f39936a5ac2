"""
What a run starts and what it is seen by outside of itself: commands, log lines, metrics, webhooks.

In: runs, events, words to hand on. Out: processes, lines, a file, requests. Never: a row's value, a password, a copy
that fails because nobody could be told of it. Read first: `commands`.
"""
