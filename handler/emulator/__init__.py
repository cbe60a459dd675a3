"""Local emulator of IEF, OBS and SMN over HTTP, with signature checks and fault injection.

It judges Nightdrop's requests, so it imports nothing of the product but `errors`, `values` and
`parsing`; only `cli` and tests import it.
"""
