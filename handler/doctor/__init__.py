"""Whether a deployment is fit for its work: looked at from a desk, or from inside the function."""
