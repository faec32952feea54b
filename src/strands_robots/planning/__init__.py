"""Collision-free motion in a whole scene: scenes, planners, goals, time laws and plans. No ROS."""
