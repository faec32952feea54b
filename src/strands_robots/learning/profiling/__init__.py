"""Where the time and the memory of a policy's training go, and whether two runs compute the same. ROS-free."""
