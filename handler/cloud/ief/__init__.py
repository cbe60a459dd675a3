"""Client of the IEF API: signing, requests, redaction of answers."""
