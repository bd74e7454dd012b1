// node server.mjs PORT: answers with the ports that it was told.
import { createServer } from "node:http";

const port = Number(process.argv[2]);
createServer((_request, answer) => answer.end(JSON.stringify({ port, env: process.env.PORT }))).listen(port);
