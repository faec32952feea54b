"""Progress of a task frame by frame: LeRobot's contract, agreement of two accounts, and videos that show it. No ROS."""
