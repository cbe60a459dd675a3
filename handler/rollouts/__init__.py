"""Many jobs: a rollout goes through its nodes wave after wave, driven by runs of the reconciler.

`continuation` is one rollout's story; `advance` decides what comes next, `records` has what is
recorded, `operations` what a person may ask for. Nothing here knows of deliveries or of the command
line.
"""
