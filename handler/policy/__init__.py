"""Who may ask for what: the rules of the operator, and the decision about one plan.

Arrows go down to `specs`, `triggers` and `parsing`. Nothing here reads a file, calls the cloud or
knows the log: whoever has a plan hands in its jobs, and gets a decision back.
"""
