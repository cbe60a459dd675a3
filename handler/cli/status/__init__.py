"""`nightdrop status`: what waits, what runs, what failed, in one screen."""
