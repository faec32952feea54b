"""The simulated world: ROS-free core on MuJoCo, and a thin ROS node around it.

Importing the package chooses MuJoCo's OpenGL backend, because MuJoCo reads it once, when it is first imported.
"""

from strands_robots.sim.render.gl import choose_backend

choose_backend()
