// Asks the portlease daemon with nothing but fetch, and tells errors in the daemon's own words.
// ../README.md says what to set when it answers elsewhere or wants its token.

const daemon = process.env.PORTLEASE_URL ?? 'http://127.0.0.1:62893'
const token = process.env.PORTLEASE_TOKEN

/** The daemon's answer to a request. Throws when there is none, and when it is a refusal. */
export async function ask(method, path, { body, headers = {}, signal } = {}) {
  const request = { method, headers: { ...headers }, signal }
  if (token) request.headers.authorization = `Bearer ${token}`
  if (body) {
    request.headers['content-type'] = 'application/json'
    request.body = JSON.stringify(body)
  }
  const answer = await fetch(`${daemon}${path}`, request).catch((error) => {
    throw new Error(`no portlease daemon at ${daemon}: ${error.cause?.message ?? error.message}\nhint: portlease status`)
  })
  if (!answer.ok) throw await refusal(answer)
  return answer
}

/** What a refusal says: problem+json has a code for programs, and words and a hint for people. */
async function refusal(answer) {
  if (answer.headers.get('content-type') !== 'application/problem+json') {
    return new Error(`${daemon} is no portlease daemon: it answers ${answer.status} ${answer.statusText}`)
  }
  const { code, detail, hint, holder, lease } = await answer.json()
  return Object.assign(new Error(hint ? `${detail}\nhint: ${hint}` : detail), { code, holder, lease })
}

/** Says what went wrong, for people. */
export function tell(error) {
  console.error(`error: ${error.message}`)
}
