"""The commands about spec files: schema, validation, policy, upload. None runs the function."""
