"""Real robots: the driver protocol, LeRobot's arms, and driver_node. ROS-free but for `node.py`."""
