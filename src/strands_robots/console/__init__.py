"""The console in the browser: its pages, who may open them, and what they are told. No ROS."""
