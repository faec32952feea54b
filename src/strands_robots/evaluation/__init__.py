"""Did it succeed: tasks as data, success predicates, episodes with seeds, rates with confidence intervals."""
