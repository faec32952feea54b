"""OpenGL, by drawing a picture in a child process, and the graphics processor."""

from __future__ import annotations

from strands_robots.doctor.machine import Machine
from strands_robots.doctor.result import Result, absent, failed, ok, warning

_DRAW = """
from strands_robots.sim.render.gl import check_rendering
from strands_robots.core.errors import RenderError
try:
    print(check_rendering({timeout}))
except RenderError as error:
    raise SystemExit(str(error))
"""


def check_gl(machine: Machine, timeout: float = 60.0) -> Result:
    """A picture drawn with the backend that the cameras would use."""
    answer = machine.run_python(_DRAW.format(timeout=timeout), timeout + 10.0)
    if answer.code != 0:
        given = machine.environ.get("MUJOCO_GL", "")
        return failed(
            "gl",
            answer.last_words.partition("; install ")[0],
            "sudo apt install libegl1 libegl-mesa0 libgl1-mesa-dri libopengl0",
            f"and unset MUJOCO_GL (it is '{given}')"
            if given
            else "or: sudo apt install libosmesa6, then MUJOCO_GL=osmesa",
        )
    return ok("gl", f"a picture was drawn with MUJOCO_GL={answer.output.strip().splitlines()[-1]}")


def check_gpu(machine: Machine) -> Result:
    """The graphics processor. Without one everything works, pictures and policies slower."""
    nodes = sorted(path.name for path in (machine.root / "dev" / "dri").glob("renderD*"))
    if not (machine.root / "proc" / "driver" / "nvidia" / "version").exists():
        return (
            ok("gpu", f"render nodes {', '.join(nodes)}")
            if nodes
            else absent("gpu", "none; pictures are drawn in software")
        )
    answer = machine.run(["nvidia-smi", "--query-gpu=name,memory.total,driver_version", "--format=csv,noheader"], 20.0)
    if answer.code != 0:
        return warning(
            "gpu",
            f"the NVIDIA driver is loaded, but nvidia-smi says: {answer.last_words}",
            "reboot after an update of the driver, or reinstall it: sudo ubuntu-drivers install",
            "in a container: run it with --gpus all and the NVIDIA container toolkit",
        )
    return ok("gpu", "; ".join(line.strip() for line in answer.output.strip().splitlines()))
