"""Notices: messages about what a person must look at, by SMN or a webhook; and the night's summary.

A notice is the sibling of a result file: the state of a delivery has the number of the record that
alarmed, and of the one that was notified; a record claims each notice, and none is sent twice.
"""
