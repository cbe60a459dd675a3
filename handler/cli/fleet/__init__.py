"""`nightdrop nodes` and `groups`: the fleet, read only."""
