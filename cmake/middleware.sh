# Choose the middleware and its transport settings for every process started from this shell; a variable that is set stays.

# rmw_zenoh_cpp where it is installed; otherwise the default of the ROS distribution, which is Fast DDS.
if [ -z "${RMW_IMPLEMENTATION:-}" ]; then
  _strands_robots_rest="${AMENT_PREFIX_PATH:-}:"
  while [ -n "$_strands_robots_rest" ]; do
    _strands_robots_prefix="${_strands_robots_rest%%:*}"
    _strands_robots_rest="${_strands_robots_rest#*:}"
    if [ -n "$_strands_robots_prefix" ] && [ -e "$_strands_robots_prefix/share/ament_index/resource_index/packages/rmw_zenoh_cpp" ]; then
      export RMW_IMPLEMENTATION=rmw_zenoh_cpp
      break
    fi
  done
  unset _strands_robots_rest _strands_robots_prefix
fi

# Shared memory large enough for camera images. The second name is what Fast DDS 2 (Humble, Jazzy) reads.
case "${RMW_IMPLEMENTATION:-rmw_fastrtps_cpp}" in
  rmw_fastrtps_cpp | rmw_fastrtps_dynamic_cpp)
    _strands_robots_profiles="${AMENT_CURRENT_PREFIX:-${COLCON_CURRENT_PREFIX:-}}/share/strands_robots/config/fastdds.xml"
    if [ -z "${FASTDDS_DEFAULT_PROFILES_FILE:-}${FASTRTPS_DEFAULT_PROFILES_FILE:-}${FASTDDS_BUILTIN_TRANSPORTS:-}" ] &&
      [ -f "$_strands_robots_profiles" ]; then
      export FASTDDS_DEFAULT_PROFILES_FILE="$_strands_robots_profiles"
      export FASTRTPS_DEFAULT_PROFILES_FILE="$_strands_robots_profiles"
    fi
    unset _strands_robots_profiles
    ;;
esac
