"""The loop in one file: record, verify, train, evaluate, compare, gate, publish and deploy; every stage resumable. No ROS."""
