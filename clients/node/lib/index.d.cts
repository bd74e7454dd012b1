export interface PortOptions {
  /** The ports are given back when this process ends; this very process if it is not given. */
  ownerPid?: number;
  /** Text to keep beside the leases, for `portlease list --all --json`. */
  labels?: Record<string, string>;
  /** Ports that follow one another. */
  contiguous?: boolean;
  /** A range to choose from in place of the pool: `"20000-20999"`. */
  range?: string;
  /** Where the ports must be free; both if it is not given. */
  protocol?: "tcp" | "udp" | "both";
  /** Whether the daemon keeps the ports by sockets until the app binds them. */
  hold?: boolean;
  /** The leases end so many seconds from now, if their owner has not ended before. */
  ttl?: number;
}

/** A port that nobody else on this machine has, until its owner ends or `release` gives it back. */
export function getPort(options?: PortOptions): Promise<number>;
/** So many of them, all or none. */
export function getPorts(count: number, options?: PortOptions): Promise<number[]>;
/** As `getPort`, for configurations that cannot wait. It starts a process: 50 ms. */
export function getPortSync(options?: PortOptions): number;
/** Gives a port of this process back before its owner ends. */
export function release(port: number): Promise<void>;

/** No port was to be had. There is no falling back to a random one. */
export class PortleaseError extends Error {
  /** The daemon's stable reason, or `no_daemon`, `not_ours`, `silent`, `garbled`. */
  readonly code: string;
  /** What is wrong, without the hint. */
  readonly detail: string;
  /** The command to type next. */
  readonly hint?: string;
}
