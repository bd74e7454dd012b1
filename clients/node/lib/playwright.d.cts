/** What Playwright's `webServer` takes, but that its address is made of the leased port. */
export interface WebServer {
  /** `{port}` is the leased port, which PORT in its environment is as well. */
  command: string;
  /** `http://localhost:{port}` if it is not given. */
  url?: string;
  /** Tells servers apart that have the same command. */
  name?: string;
  cwd?: string;
  env?: { [name: string]: string };
}

/**
 * A `webServer` on a port that nobody else has. It is the same one in the workers, which load the configuration again:
 *
 *     const web = webServer({ command: "vite --port {port} --strictPort" });
 *     export default defineConfig({ webServer: web, use: { baseURL: web.url } });
 */
export function webServer<const T extends WebServer>(options: T): T & { url: string; env: { [name: string]: string } };
