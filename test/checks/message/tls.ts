/** HTTPS services with certificates of an authority of the tests' own. */
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { scratch } from '../../support/context.ts'

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']

const openssl = (dir: string, ...words: string[]): void => {
  execFileSync('openssl', words, { cwd: dir, stdio: 'pipe' })
}

export interface Key {
  readonly key: string
  readonly cert: string
}

const keyIn = (dir: string, name: string): Key => ({
  key: readFileSync(join(dir, `${name}.key`), 'utf8'),
  cert: readFileSync(join(dir, `${name}.pem`), 'utf8'),
})

const serve = async (key: Key): Promise<string> => {
  const server = createServer(key, (_, response) => {
    response.end('{"ok":true,"result":{"id":1,"message_id":2}}')
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return `https://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export const selfSignedKey = (): Key => {
  const dir = scratch()
  openssl(
    dir,
    'req',
    '-x509',
    ...NEW_KEY,
    '-keyout',
    'own.key',
    '-out',
    'own.pem',
    '-days',
    '1',
    '-subj',
    '/CN=127.0.0.1',
  )
  return keyIn(dir, 'own')
}

export const selfSigned = (): Promise<string> => serve(selfSignedKey())

export interface Authority {
  /** Its certificate, for NODE_EXTRA_CA_CERTS. */
  readonly file: string
  /** A service with a certificate for `address` that is valid for `days` from now. */
  issue(name: string, address: string, days: number): Promise<string>
  /** The key and the certificate alone. */
  key(name: string, address: string, days: number): Key
  /** A service with a certificate that is valid between two dates, each as `20990101000000Z`. */
  issueBetween(name: string, address: string, from: string, to: string): Promise<string>
}

const CA_CONFIG = `[ca]
default_ca = tests
[tests]
database = index.txt
serial = serial.txt
new_certs_dir = .
certificate = ca.pem
private_key = ca.key
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
`

export const authority = (): Authority => {
  const dir = scratch()
  openssl(dir, 'req', '-x509', ...NEW_KEY, '-keyout', 'ca.key', '-out', 'ca.pem', '-days', '2', '-subj', '/CN=tests')
  const ask = (name: string, address: string): void => {
    const request = [...NEW_KEY, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', '/CN=x']
    openssl(dir, 'req', ...request, '-addext', `subjectAltName=IP:${address}`)
  }
  const sign = (name: string, address: string, days: number): Key => {
    ask(name, address)
    const signed = ['-CA', 'ca.pem', '-CAkey', 'ca.key', '-CAcreateserial', '-copy_extensions', 'copy']
    openssl(dir, 'x509', '-req', '-in', `${name}.csr`, '-out', `${name}.pem`, '-days', String(days), ...signed)
    return keyIn(dir, name)
  }
  return {
    file: join(dir, 'ca.pem'),
    issueBetween: (name, address, from, to) => {
      ask(name, address)
      writeFileSync(join(dir, 'ca.conf'), CA_CONFIG)
      writeFileSync(join(dir, 'index.txt'), '')
      writeFileSync(join(dir, 'serial.txt'), '01')
      const dates = ['-startdate', from, '-enddate', to]
      openssl(
        dir,
        'ca',
        '-batch',
        '-notext',
        '-config',
        'ca.conf',
        '-in',
        `${name}.csr`,
        '-out',
        `${name}.pem`,
        ...dates,
      )
      return serve(keyIn(dir, name))
    },
    issue: (name, address, days) => serve(sign(name, address, days)),
    key: sign,
  }
}
