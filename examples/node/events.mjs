// One line for everything that happens to leases, until Ctrl-C; a daemon that ends is waited for, and nothing is missed.
// Run it: node events.mjs, or node events.mjs PROJECT.
import { setTimeout } from 'node:timers/promises'
import { ask, tell } from './portlease.mjs'

const [project] = process.argv.slice(2)
const path = project ? `/v1/events?project=${encodeURIComponent(project)}` : '/v1/events'

/** The messages of a stream of server-sent events. */
async function* messages(body) {
  let rest = ''
  let message = {}
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split('\n')
    rest = lines.pop()
    for (const line of lines) {
      if (line === '') {
        yield message
        message = {}
      } else if (!line.startsWith(':')) {
        const [field, ...value] = line.split(': ')
        message[field] = value.join(': ')
      }
    }
  }
}

function show({ event, data }) {
  if (event === 'reset') {
    console.error('events were missed: GET /v1/leases says how things are now')
  } else if (event && event !== 'shutdown') {
    const { at, project, service, port, holder } = JSON.parse(data)
    const who = holder ? ` by ${holder.command} (pid ${holder.pid})` : ''
    console.log(`${at} ${event} ${project}/${service} ${port}${who}`)
  }
}

let lastId
async function follow() {
  const headers = lastId ? { 'last-event-id': lastId } : {}
  const { body } = await ask('GET', path, { headers })
  if (!lastId) console.error('watching; Ctrl-C ends it')
  for await (const message of messages(body)) {
    lastId = message.id ?? lastId
    show(message)
  }
}

try {
  await follow()
} catch (error) {
  tell(error)
  // Whoever never was connected has nothing to wait for.
  if (!lastId) process.exit(1)
}
for (;;) {
  await setTimeout(1000)
  await follow().catch(tell)
}
