"""What every invocation needs: its deadline, its response, its log lines."""
