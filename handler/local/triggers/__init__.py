"""What fires locally: timers, a watched folder, an HTTP endpoint."""
