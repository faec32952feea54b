"""Picking and placing: grasps from shapes, and stages that are checked against the whole scene before the robot moves. No ROS."""
