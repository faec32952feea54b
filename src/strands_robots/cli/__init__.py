"""The command `strands-robots`. Nothing here imports ROS before a command runs."""
