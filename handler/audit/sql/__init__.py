"""The audit log in SQLite and PostgreSQL, and the projection both share."""
