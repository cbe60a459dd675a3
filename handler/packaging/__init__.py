"""The zip that FunctionGraph runs, built the same from the same input; tooling only."""
