"""The state of rollouts and of their nodes: values, the fold of their records, the queries.

It is loaded where a record or a query is about a rollout; most events have none.
"""
