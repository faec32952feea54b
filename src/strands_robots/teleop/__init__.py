"""Teleoperation: leader arms, gamepads, joysticks and the keyboard as a source of class teleop."""
