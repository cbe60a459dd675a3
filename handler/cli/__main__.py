"""`python -m handler.cli`, the same as `nightdrop`."""

from handler.cli.entry import run

run()
