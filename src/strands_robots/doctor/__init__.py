"""Looks at a machine before a robot does: what is there, what is broken, and the two lines that repair it. No ROS import."""
