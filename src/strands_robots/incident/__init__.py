"""The incident recorder: the last seconds before a stop, as an MCAP file for Foxglove and `ros2 bag`.

ROS-free but for node.py.
"""
