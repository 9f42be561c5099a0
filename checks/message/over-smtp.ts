/** Steps over SMTP: one connection for all of them. */
import { hostAndPort, isLoopback, openSmtp, type SmtpServer } from '../../core/smtp.ts'
import type { MailStep, Silence, Transport } from './channel.ts'

const PROXY = ['http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY', 'all_proxy', 'ALL_PROXY']

export const overSmtp = (server: SmtpServer): Transport<MailStep> => ({
  origin: `${server.security === 'tls' ? 'smtps' : 'smtp'}://${hostAndPort(server)}`,
  open: async ({ env, now, ...terms }) => {
    const smtp = await openSmtp({ ...terms, server })
    const proxied = !isLoopback(server.host) && PROXY.some(name => env[name])
    /** Where only a proxy leads out, that is the reason. */
    const explained = (silence: Silence): Silence =>
      proxied && (silence.silent === 'connect' || silence.observed.startsWith('no connection'))
        ? { ...silence, observed: `${silence.observed}; the proxy of the environment is for HTTP, and not for mail` }
        : silence
    return {
      ask: async step => {
        const reply = await smtp.exchange(step.request)
        if ('silent' in reply) return { silence: explained(reply) }
        const judged = step.judge(reply, now())
        // A mail server's no is final: what it did not take it does not deliver.
        return 'refused' in judged ? { refusal: judged, doubtful: false } : { done: judged }
      },
      close: smtp.close,
    }
  },
})
