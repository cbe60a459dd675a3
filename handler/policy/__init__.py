"""Who may ask for what: the operator's rules, and the decision about one plan.

    rules        the rules as plain values, and the built-in policy
    policy_file  a policy from YAML, checked; its JSON Schema
    demand       what one job asks for, read from its request body
    decision     which rule applies to a plan, and what it does not allow
    sentences    rules in words

Nothing here reads a file, calls the cloud or knows the log.
"""
