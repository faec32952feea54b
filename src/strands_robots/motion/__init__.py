"""Chunks of set-points: what they are and how they are played. No I/O, no ROS."""
