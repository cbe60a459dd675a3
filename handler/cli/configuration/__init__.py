"""Where the settings of a command come from."""
