"""A robot as MoveIt knows it: URDF, SRDF and the YAML files of a moveit_config package, made from the robot's configuration. No ROS."""
