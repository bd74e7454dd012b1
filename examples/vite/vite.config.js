// A dev server on the port that this project has a lease on: the same one every time, and nobody else's.
// Run it: npm install, npm run dev. ../README.md says what to set when the daemon answers elsewhere or wants its token.
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vite'

const daemon = process.env.PORTLEASE_URL ?? 'http://127.0.0.1:62893'
const token = process.env.PORTLEASE_TOKEN

export default defineConfig(async ({ command, isPreview }) => {
  // A build serves nobody: it needs neither port nor daemon.
  if (command !== 'serve') return {}
  const { port, changed } = await get('vite-example', isPreview ? 'preview' : 'web')
  if (changed) console.warn(`moved from port ${changed.from} to ${changed.to}: ${changed.because}`)
  // Without strictPort, Vite would go to the next port, which may be another project's.
  const leased = { host: '127.0.0.1', port, strictPort: true }
  return { server: leased, preview: leased }
})

async function get(project, service) {
  const headers = { 'content-type': 'application/json' }
  if (token) headers.authorization = `Bearer ${token}`
  // By its directory the daemon knows this project's servers from strangers.
  const body = JSON.stringify({ root: fileURLToPath(new URL('.', import.meta.url)) })
  const request = { method: 'PUT', headers, body, signal: AbortSignal.timeout(10_000) }
  const answer = await fetch(`${daemon}/v1/leases/${project}/${service}`, request).catch((error) => {
    throw new Error(`no portlease daemon at ${daemon}: ${error.cause?.message ?? error.message}\nhint: portlease status`)
  })
  const lease = await answer.json()
  if (!answer.ok) throw new Error(lease.hint ? `${lease.detail}\nhint: ${lease.hint}` : lease.detail)
  return lease
}
