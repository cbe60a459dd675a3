"""What fired: deliveries, recognised in an event."""
