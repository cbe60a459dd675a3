"""What was asked: documents become job specs, job specs a plan."""
