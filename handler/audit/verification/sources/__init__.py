"""The stores as verification reads them: rows as they are stored, unchecked."""
