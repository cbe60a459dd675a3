"""Who may ask for what: the operator's rules, and the decision about one plan.

    verdict        the decision of the policy about a plan
    rules          the rules as plain values, and the built-in policy
    policy_reader  the policy in force, read from a path or OBS
    policy_file    a policy from YAML, checked; its JSON Schema
    demand         what one job asks for, read from its request body
    mappings       the mappings in it, and their fields by names that no spelling hides
    decision       which rule applies to a plan, and what it does not allow
    sentences      rules in words

Nothing here knows the log; only the reader touches the world, with a client that is passed in.
"""
