"""Policies of LeRobot: in process (`policy`), and behind LeRobot's asynchronous server (`server`). Torch is imported when one is made."""
