"""The loop from data to a policy that is deployed: what is measured of a training. ROS-free."""
