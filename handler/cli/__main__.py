"""`python -m handler.cli`, the same as `nightdrop`."""

from handler.cli.main import main

main(prog_name="nightdrop")
