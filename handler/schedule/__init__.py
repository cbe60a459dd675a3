"""When a rollout's nodes have their turn: waves, gates, windows, times. Pure, for any clock."""
