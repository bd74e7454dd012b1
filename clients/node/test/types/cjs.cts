import portlease = require("portlease");
import { webServer } from "portlease/playwright";

const web = webServer({ command: "vite --port {port}", reuseExistingServer: false });
const url: string = web.url;
const reuse: boolean = web.reuseExistingServer;
portlease.getPort().then((port: number) => [port, url, reuse]);
// @ts-expect-error: a server has a command.
webServer({});
