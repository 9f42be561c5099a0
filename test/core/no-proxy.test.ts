import { expect, it } from 'vitest'
import { bypassesProxy } from '../../core/no-proxy.ts'

it.each<[string, string, boolean]>([
  ['http://api.example.com/', '', false],
  ['http://api.example.com/', 'api.example.com', true],
  ['http://API.example.com/', 'other, Api.Example.com', true],
  ['http://api.example.com/', 'example.com', true],
  ['http://api.example.com/', '.example.com', true],
  ['http://example.com/', '.example.com', true],
  ['http://api.example.com/', '*.example.com', true],
  ['http://api.badexample.com/', 'example.com', false],
  ['http://api.example.com/', 'localhost 127.0.0.1', false],
  ['http://127.0.0.1:18789/', 'localhost 127.0.0.1', true],
  ['http://127.0.0.1:18789/', '127.0.0.1:18789', true],
  ['http://127.0.0.1:18789/', '127.0.0.1:80', false],
  ['http://127.0.0.1/', '127.0.0.1:80', true],
  ['https://api.example.com/', 'api.example.com:443', true],
  ['https://api.example.com/', '*', true],
  ['https://api.example.com/', ' * ', false],
  ['https://api.example.com/', 'localhost,*', false],
  ['http://[::1]:8080/', '[::1]', true],
  ['http://[::1]:8080/', '::1', false],
  ['http://[::1]:8080/', '[::1]:8080', true],
  ['http://[::1]:8080/', '[::1]:80', false],
])('%s with NO_PROXY=%s: %s', (url, list, bypasses) => {
  expect(bypassesProxy(new URL(url), list)).toBe(bypasses)
})
