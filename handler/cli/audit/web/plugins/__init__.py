"""What Datasette loads from this folder: every module is a plugin of the page."""
