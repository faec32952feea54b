"""A simulated Feetech servo bus: the wire protocol on a pseudo-terminal, with a simulated arm behind it. ROS-free."""
