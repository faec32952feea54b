"""Stop buttons of hardware: USB buttons, joysticks and keyboards (evdev), and GPIO lines. They stop; they never resume."""
