"""Clients of IEF and OBS: signed requests over one HTTP transport."""
