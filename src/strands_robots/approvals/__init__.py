"""approval_node: the requests of agents and the decisions of people. The core is in safety/."""
