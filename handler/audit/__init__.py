"""What happened: records, their chain, and the state folded from them."""
