"""The FunctionGraph runtime behind HTTP: context, errors, credentials."""
