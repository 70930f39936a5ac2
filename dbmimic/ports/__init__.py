"""
What the work needs from the world, as protocols.

In: values of the model. Out: promises that adapters keep. Never: an implementation, a driver.
Read first: `source`, `target`.
"""
