"""What graphs offer, as lists: everything that `strands-robots sim --recorder --evaluation` has for one SO-101."""

from __future__ import annotations

from strands_robots.agent.tools.endpoint import Endpoint

_SERVICES = {
    "policies/describe": "strands_robots/srv/DescribePolicies",
    "policies/load": "strands_robots/srv/LoadPolicy",
    "recorder/episode": "strands_robots/srv/RecordEpisode",
    "recorder/start": "strands_robots/srv/StartRecording",
    "robots/describe": "strands_robots/srv/DescribeRobot",
    "robots/get_plan": "strands_robots/srv/GetPlan",
    "safety/stop": "strands_robots/srv/StopGraph",
    "world/apply_wrench": "strands_robots/srv/ApplyWrench",
    "world/cast_rays": "strands_robots/srv/CastRays",
    "world/checkpoint": "strands_robots/srv/Checkpoint",
    "world/compute_dynamics": "strands_robots/srv/ComputeDynamics",
    "world/describe": "strands_robots/srv/DescribeWorld",
    "world/edit": "strands_robots/srv/EditScene",
    "world/get_state": "strands_robots/srv/GetWorldState",
    "world/load": "strands_robots/srv/LoadScene",
    "world/pause": "std_srvs/srv/SetBool",
    "world/query": "strands_robots/srv/QueryWorld",
    "world/randomize": "strands_robots/srv/RandomizeWorld",
    "world/render": "strands_robots/srv/RenderCamera",
    "world/render_cameras": "strands_robots/srv/RenderCameras",
    "world/reset": "strands_robots/srv/ResetWorld",
    "world/set_state": "strands_robots/srv/SetWorldState",
    "world/step": "strands_robots/srv/StepWorld",
}
_ACTIONS = {
    "evaluate": "strands_robots/action/Evaluate",
    "move_to": "strands_robots/action/MoveTo",
    "replay_episode": "strands_robots/action/ReplayEpisode",
    "run_policy": "strands_robots/action/RunPolicy",
    "set_gripper": "strands_robots/action/SetGripper",
}
_TOPICS = {
    "diagnostics": "diagnostic_msgs/msg/DiagnosticArray",
    "goals/alive": "unique_identifier_msgs/msg/UUID",
    "overhead/camera_info": "sensor_msgs/msg/CameraInfo",
    "overhead/depth/camera_info": "sensor_msgs/msg/CameraInfo",
    "overhead/depth/image_raw": "sensor_msgs/msg/Image",
    "overhead/image_raw": "sensor_msgs/msg/Image",
    "overhead/image_raw/compressed": "sensor_msgs/msg/CompressedImage",
    "overhead/preview/compressed": "sensor_msgs/msg/CompressedImage",
    "policies/state": "strands_robots/msg/PolicyState",
    "recorder/state": "strands_robots/msg/EpisodeState",
    "safety/stop_request": "strands_robots/msg/StopRequest",
    "so101/command_applied": "strands_robots/msg/JointCommand",
    "so101/joint_states": "sensor_msgs/msg/JointState",
    "so101/robot_description": "std_msgs/msg/String",
    "so101/wrist/camera_info": "sensor_msgs/msg/CameraInfo",
    "so101/wrist/depth/image_raw": "sensor_msgs/msg/Image",
    "so101/wrist/image_raw": "sensor_msgs/msg/Image",
    "so101/wrist/image_raw/compressed": "sensor_msgs/msg/CompressedImage",
    "so101/wrist/preview/compressed": "sensor_msgs/msg/CompressedImage",
    "world/markers": "visualization_msgs/msg/MarkerArray",
}
SIMULATION = [Endpoint(name, kind) for names in (_SERVICES, _ACTIONS, _TOPICS) for name, kind in sorted(names.items())]
