"""Clients of IEF, OBS and SMN, and a webhook: requests over one HTTP transport."""
