"""Write panda_forward_kinematics.csv from the published model.

Not part of the test run: it needs `pip install example-robot-data==6.0 pin`, far too heavy for a test dependency.
Run it as `python make_panda_table.py`; it writes beside itself.
"""

from __future__ import annotations

from pathlib import Path

import cmeel  # where example-robot-data keeps its files
import numpy as np
import pinocchio

JOINTS = tuple(f"panda_joint{number}" for number in range(1, 8))
TOOL = "panda_hand_tcp"
ROWS = 64
SEED = 107
HEADER = f"""# Forward kinematics of the Franka Panda: pose of {TOOL} in panda_link0.
# Source: example-robot-data 6.0, panda_description/urdf/panda.urdf (Apache-2.0); pinocchio {pinocchio.__version__}.
# Row 1 is the middle of every joint's range, the others are uniform within the limits, numpy.random.default_rng({SEED}).
# Units: joints rad, position m, quaternion w x y z with w >= 0. Written by make_panda_table.py.
{",".join(JOINTS)},x,y,z,qw,qx,qy,qz
"""


def published_urdf() -> Path:
    """Return the path of panda.urdf inside the installed example-robot-data."""
    share = Path(cmeel.__file__).parents[1] / "cmeel.prefix" / "share"
    return share / "example-robot-data" / "robots" / "panda_description" / "urdf" / "panda.urdf"


def main() -> None:
    model = pinocchio.buildModelFromUrdf(str(published_urdf()))
    data = model.createData()
    tool = model.getFrameId(TOOL)
    index = [model.joints[model.getJointId(name)].idx_q for name in JOINTS]
    lower, upper = model.lowerPositionLimit[index], model.upperPositionLimit[index]
    samples = np.random.default_rng(SEED).uniform(lower, upper, (ROWS, len(JOINTS)))
    samples[0] = (lower + upper) / 2.0
    lines = []
    for positions in np.round(samples, 6):
        q = pinocchio.neutral(model)
        q[index] = positions
        pinocchio.framesForwardKinematics(model, data, q)
        x, y, z, qx, qy, qz, qw = pinocchio.SE3ToXYZQUAT(data.oMf[tool])
        sign = 1.0 if qw >= 0.0 else -1.0
        pose = (x, y, z, sign * qw, sign * qx, sign * qy, sign * qz)
        lines.append(",".join([f"{p:.6f}" for p in positions] + [f"{p:.9f}" for p in pose]))
    target = Path(__file__).with_name("panda_forward_kinematics.csv")
    target.write_text(HEADER + "\n".join(lines) + "\n", encoding="ascii")


if __name__ == "__main__":
    main()
