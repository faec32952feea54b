"""The gate before every motor, the graph's stop latch, and their parts. ROS-free but for node.py."""
