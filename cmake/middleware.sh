# Choose the middleware, its transports and how far discovery goes, for every process started from this shell. A variable that is set
# stays. The same decision as core/graph_environment.py, which says why; test/test_graph_environment.py compares the two.

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

# Whether the graph stays on this machine. SUBNET and ROS_LOCALHOST_ONLY=0 say nothing: every ROS installation sets them.
_strands_robots_local=
if [ "${ROS_LOCALHOST_ONLY:-}" = 1 ]; then
  _strands_robots_local=_local
elif [ -z "${ROS_STATIC_PEERS:-}" ]; then
  case "${ROS_AUTOMATIC_DISCOVERY_RANGE:-SUBNET},${STRANDS_ROBOTS_DISCOVERY_RANGE:-}" in
    SUBNET,SUBNET) ;;
    LOCALHOST,* | SUBNET,*) _strands_robots_local=_local ;;
  esac
fi

# The transports of the user's own, or a middleware without profiles: the variable of the distribution keeps the graph here.
_strands_robots_how=variable
case "${RMW_IMPLEMENTATION:-rmw_fastrtps_cpp}" in
  rmw_fastrtps_cpp | rmw_fastrtps_dynamic_cpp)
    _strands_robots_config="${AMENT_CURRENT_PREFIX:-${COLCON_CURRENT_PREFIX:-}}/share/strands_robots/config"
    [ -f "$_strands_robots_config/fastdds$_strands_robots_local.xml" ] && [ -z "${FASTDDS_BUILTIN_TRANSPORTS:-}" ] && _strands_robots_how=profile
    for _strands_robots_profile in "${FASTDDS_DEFAULT_PROFILES_FILE:-}" "${FASTRTPS_DEFAULT_PROFILES_FILE:-}"; do
      case "$_strands_robots_profile" in
        "" | */config/fastdds.xml | */config/fastdds_udp.xml | */config/fastdds_local.xml | */config/fastdds_udp_local.xml) ;;
        *) _strands_robots_how=variable ;;
      esac
    done
    if [ "$_strands_robots_how" = profile ]; then
      # The second name is what Fast DDS 2 (Humble, Jazzy) reads. A newer one reads both, and would load the profile twice.
      export FASTDDS_DEFAULT_PROFILES_FILE="$_strands_robots_config/fastdds$_strands_robots_local.xml"
      case "${ROS_DISTRO:-jazzy}" in
        humble | iron | jazzy) export FASTRTPS_DEFAULT_PROFILES_FILE="$FASTDDS_DEFAULT_PROFILES_FILE" ;;
        *) unset FASTRTPS_DEFAULT_PROFILES_FILE ;;
      esac
    fi
    unset _strands_robots_config _strands_robots_profile
    ;;
  rmw_zenoh_cpp) _strands_robots_how=own ;;
  rmw_cyclonedds_cpp)
    # On one machine it numbers processes, up to 10 on Humble and 33 on Jazzy; a graph and its commands are more.
    # A publisher that is given up would wait 1 s for the receipts of a reader that was killed, and Python with it.
    if [ -n "$_strands_robots_local" ] && [ -z "${CYCLONEDDS_URI:-}" ]; then
      export CYCLONEDDS_URI="<CycloneDDS><Domain><General><AllowMulticast>false</AllowMulticast></General><Discovery><ParticipantIndex>auto</ParticipantIndex><MaxAutoParticipantIndex>99</MaxAutoParticipantIndex></Discovery><Internal><WriterLingerDuration>100 ms</WriterLingerDuration></Internal></Domain></CycloneDDS>"
    fi
    ;;
esac
if [ -n "$_strands_robots_local" ] && [ "$_strands_robots_how" = variable ] && [ "${ROS_LOCALHOST_ONLY:-}" != 1 ]; then
  if [ "${ROS_DISTRO:-}" = humble ]; then
    export ROS_LOCALHOST_ONLY=1
  else
    export ROS_AUTOMATIC_DISCOVERY_RANGE=LOCALHOST
  fi
fi
unset _strands_robots_local _strands_robots_how
