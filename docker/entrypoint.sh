#!/bin/bash
# Give a command ROS 2, the virtual environment and this package.
set -e
# shellcheck disable=SC1090,SC1091
source "/opt/ros/${ROS_DISTRO}/setup.bash"
# shellcheck disable=SC1091
source /opt/venv/bin/activate
if [ -f /opt/strands_robots/setup.bash ]; then
  # shellcheck disable=SC1091
  source /opt/strands_robots/setup.bash
fi
exec "$@"
