"""Cameras of real robots, read by LeRobot's classes, on the graph as those of a simulation. ROS-free but for `node.py`."""
