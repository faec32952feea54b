"""What every node shares: QoS, parameters, message conversions, the executor and the process's main."""
