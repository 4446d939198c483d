// Starts PLC directory, PDS, AppView and moderation service, then writes READY_FILE; each call to the PDS is a
// line in CALLS_FILE: method and path, never a header.
import fs from 'node:fs'
import { TestNetwork } from '@atproto/dev-env'

const { READY_FILE, CALLS_FILE, PLC_PORT, PDS_PORT, BSKY_PORT, OZONE_PORT } = process.env
const network = await TestNetwork.create({
  dbPostgresSchema: 'hub',
  plc: { port: Number(PLC_PORT) },
  pds: { port: Number(PDS_PORT) },
  bsky: { port: Number(BSKY_PORT) },
  ozone: { port: Number(OZONE_PORT) },
})
network.pds.server.server.prependListener('request', (request) => {
  fs.appendFileSync(CALLS_FILE, `${request.method} ${request.url.split('?')[0]}\n`)
})
fs.writeFileSync(READY_FILE, JSON.stringify({ pds: network.pds.url, appview: network.bsky.url }))

for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => process.exit(0))
}
