"""Which nodes make a graph, with which parameters and environment, and what happens when one ends. No ROS import."""
