"""A deployment to the simulated servo bus: the pipeline resumes it itself, so no real arm may hang on its graph."""

from __future__ import annotations

from pathlib import Path

import pytest

from strands_robots.core.errors import ConfigurationError
from strands_robots.learning.pipeline.deploy_stage import Deployment
from strands_robots.learning.pipeline.pipeline_config import DeployConfig
from strands_robots.robot.policy_deployment import HARDWARE, deploy


@pytest.mark.parametrize("option", HARDWARE)
def test_option_that_reaches_a_real_arm_is_refused_on_the_bus(option: str) -> None:
    wanted = Deployment("so101", Path("policy"), "", "cpu", "reach", DeployConfig(to="bus", options={option: "x"}))
    with pytest.raises(ConfigurationError, match=f"deploy to bus has {option} in its options; valid: to: real"):
        deploy(wanted, lambda line: None)
