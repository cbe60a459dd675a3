"""Triggers: events turned into deliveries."""
