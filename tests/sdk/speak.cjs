// Sends calls with a Node SDK: node speak.cjs segment|rudderstack URL KEY < {"calls": [...], "pace": seconds, "options": {...}}
// Prints {"sent": [messageId, ...], "errors": [...]} once the SDK has flushed.
const fs = require('node:fs')
const zlib = require('node:zlib')
const { setTimeout: sleep } = require('node:timers/promises')

const [, , kind, url, key] = process.argv
const asked = JSON.parse(fs.readFileSync(0, 'utf8'))
const sent = new Set()
const errors = []

function segment() {
  const { Analytics } = require('@segment/analytics-node')
  const analytics = new Analytics({ writeKey: key, host: url, ...asked.options })
  analytics.on('error', (error) => errors.push(String(error.reason ?? error.code)))
  return {
    call: (type, message) => analytics[type](message, (error, context) => sent.add(context.event.messageId)),
    flush: () => analytics.closeAndFlush({ timeout: 60_000 }),
  }
}

function rudderstack() {
  const Analytics = require('@rudderstack/rudder-sdk-node')
  const errorHandler = (error) => errors.push(String(error))
  const analytics = new Analytics(key, { dataPlaneUrl: url, errorHandler, logLevel: 'none', ...asked.options })
  const done = (error, data) => {
    for (const each of JSON.parse(zlib.gunzipSync(data)).batch) sent.add(each.messageId)
  }
  return {
    call: (type, message) => analytics[type](message, done),
    flush: async () => {
      while (analytics.queue.length) await analytics.flush()
      await analytics.flush()
    },
  }
}

async function main() {
  const sdk = { segment, rudderstack }[kind]()
  for (const { type, timestamp, ...message } of asked.calls) {
    if (timestamp) message.timestamp = message.originalTimestamp = new Date(timestamp)
    sdk.call(type, message)
    if (asked.pace) await sleep(asked.pace * 1000)
  }
  await sdk.flush()
  await sleep(10) // callbacks come a turn of the loop later
  console.log(JSON.stringify({ sent: [...sent], errors }))
}

main()
