"""Notices: what a person must look at is told once, by SMN or a webhook; and the night's summary.

A notice is the sibling of a result file: a delivery knows by which record it was alarmed and what
was told of it, a record claims each notice before it leaves, and nothing is sent twice.
"""
