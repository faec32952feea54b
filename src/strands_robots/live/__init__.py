"""The live view of a graph in a terminal: what is shown, which keys do what, and where the nodes' output goes. No ROS."""
