// One implementation, whoever loads it: leases are this process's, not a module's.
import portlease from "./index.cjs";

export const { getPort, getPorts, getPortSync, release, PortleaseError } = portlease;
