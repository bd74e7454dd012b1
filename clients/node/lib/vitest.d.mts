declare module "vitest" {
  interface ProvidedContext {
    /** The ports of `portlease/vitest`, by name. */
    ports: Record<string, number>;
  }
}

/** What vitest hands to a global setup, as far as it is used here. */
interface Project {
  provide(key: "ports", ports: Record<string, number>): void;
}
type Setup = (project: Project) => Promise<() => Promise<unknown>>;

/** A setup that leases a port for each name: `inject("ports").web` in tests. */
export function providePorts(...names: string[]): Setup;

/** With one port, named `default`. */
declare const setup: Setup;
export default setup;
