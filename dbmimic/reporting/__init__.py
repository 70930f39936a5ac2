"""
Reports as text: the stable JSON that scripts read, and pages for people.

In: RunReport, Preview, errors. Out: text. Never: a terminal, a row value. Read first: `json`.
"""
