"""Asynchronous invocation as FunctionGraph does it: queue, retries, failure destination."""
