"""Recording of LeRobot datasets: sampling, accounting, writing, verification, replay. Only node.py knows ROS."""
