// A `globalSetup` for vitest: ports for the whole run, which tests get by `inject("ports")`.
import portlease from "./index.cjs";

/** A setup that leases a port for each name. */
export function providePorts(...names) {
  return async (project) => {
    const ports = await portlease.getPorts(names.length, { labels: { via: "vitest" } });
    project.provide("ports", Object.fromEntries(names.map((name, index) => [name, ports[index]])));
    return () => Promise.all(ports.map(portlease.release));
  };
}

/** With one port, named `default`. */
export default providePorts("default");
