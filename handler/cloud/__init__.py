"""What we call: signed requests to IEF and OBS."""
