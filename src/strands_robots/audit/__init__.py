"""The audit log: what was told to the robots and what they did, in a record that cannot be changed unnoticed.

ROS-free but for node.py. The format is specified in docs/reference/audit_format.md; storage (store, writer) and verification
(verify) share only record, checkpoint and the reader.
"""
