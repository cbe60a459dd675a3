"""FunctionGraph on your machine: runtime, triggers, asynchronous invocation, processes."""
