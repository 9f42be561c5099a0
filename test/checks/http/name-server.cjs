// A name server on 127.0.0.77:53, in a network namespace of the test's own: argv says what it answers, a code of RFC 1035 or nothing at all.
const { createSocket } = require('node:dgram')
const { writeFileSync } = require('node:fs')
const [, , rcode, ready] = process.argv
const parent = process.ppid
const server = createSocket('udp4')
server.on('message', (query, peer) => {
  if (rcode === 'silent') return
  const answer = Buffer.from(query)
  answer[2] |= 0x80
  answer[3] = 0x80 | Number(rcode)
  answer.fill(0, 6, 12)
  const end = query.indexOf(0, 12) + 5
  server.send(answer.subarray(0, end), peer.port, peer.address)
})
server.bind(53, '127.0.0.77', () => writeFileSync(ready, ''))
setInterval(() => process.ppid === parent || process.exit(), 50)
