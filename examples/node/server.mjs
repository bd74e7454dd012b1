// A server on a leased port: gets the lease, renews it while it runs, releases it when it is told to end.
// Run it: node server.mjs, or PORT=3000 node server.mjs for exactly that port or an error that says who has it.
import { once } from 'node:events'
import { createServer } from 'node:http'
import { ask, tell } from './portlease.mjs'

const path = '/v1/leases/node-example/web'
// The lease ends 15 s after its last renewal: a server that crashes leaves nothing behind.
const life = { ttl_s: 15 }
const renewEvery = (life.ttl_s * 1000) / 3

/** The port that the environment asks for, if it asks. */
function wanted() {
  if (!process.env.PORT) return {}
  const port = Number(process.env.PORT)
  if (!Number.isInteger(port)) throw new Error(`PORT is no port: ${process.env.PORT}`)
  return { port }
}

async function serve() {
  // By its directory the daemon knows this server from strangers.
  const answer = await ask('PUT', path, { body: { root: process.cwd(), ...life, ...wanted() } })
  const { port, changed } = await answer.json()
  if (changed) console.error(`moved from port ${changed.from} to ${changed.to}: ${changed.because}`)

  const server = createServer((_request, response) => response.end(`node-example on port ${port}\n`))
  server.listen(port, '127.0.0.1')
  await once(server, 'listening')
  console.log(`http://127.0.0.1:${port}`)

  // A renewal that fails is told, and tried again at the next turn; the server goes on.
  const renewing = setInterval(() => ask('POST', `${path}/renew`, { body: {} }).catch(tell), renewEvery)
  await Promise.race([once(process, 'SIGINT'), once(process, 'SIGTERM')])
  clearInterval(renewing)
  server.close()
  server.closeAllConnections()
  await ask('DELETE', path)
}

serve().catch((error) => {
  tell(error)
  process.exit(1)
})
