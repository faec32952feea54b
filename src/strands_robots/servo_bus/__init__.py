"""A simulated servo bus: Feetech's or Dynamixel's protocol on a pseudo-terminal, with a simulated arm behind it. ROS-free."""
