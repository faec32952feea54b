"""Learning while acting (HIL-SERL): LeRobot's actor and learner on a task of ours, through the robot's gate. No ROS."""
