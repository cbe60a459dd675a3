"""FunctionGraph on a desk: its context, and the function behind HTTP."""
