"""What the commands of `audit` read, and how a person names it."""
