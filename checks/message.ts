/** Can this host really reach its people? Proved by a message that the service confirms. */
import { defineCheck, type Trouble } from '../core/check.ts'
import type { Store } from '../core/store.ts'
import { listing } from '../core/text.ts'
import { DURATION_PATTERN, duration, isTooLong, LONGEST_DURATION } from '../core/units.ts'
import type { Carried, Channel, Conversation, Depth, Form, MailStep } from './message/channel.ts'
import { type ChannelName, channelNames, channelOf, channels, keys } from './message/channels.ts'
import { codes } from './message/codes.ts'
import { converse } from './message/deliver.ts'
import { unfit } from './message/verdicts.ts'

/** Below it a crash loop, which restarts every few seconds, would become spam. */
const LEAST_EVERY_MS = 60_000

const COMMON = new Set(['channel', 'depth', 'every', 'text'])

/** Of a channel's forms the one that was begun; the first if none was. */
const formOf = ({ forms }: Channel, given: Readonly<Record<string, unknown>>): Form | undefined =>
  forms?.find(({ required }) => required.some(key => given[key] !== undefined)) ?? forms?.[0]

const ways = ({ required, forms }: Channel): string =>
  forms?.map(form => [...required, ...form.required].join(' and ')).join(', or ') ?? listing(required, 9)

/** The keys that do not fit the channel, as a verdict. */
const misfit = (name: ChannelName, depth: Depth, given: Readonly<Record<string, unknown>>) => {
  const channel = channelOf(name)
  const foreign = Object.keys(given).filter(key => !COMMON.has(key) && !Object.hasOwn(channel.keys, key))
  if (foreign.length > 0) {
    const theirs = channelNames.filter(other => foreign.some(key => Object.hasOwn(channels[other].keys, key)))
    return unfit(
      `channel ${name} does not read ${listing(foreign)}: that belongs to ${listing(theirs)}`,
      `of the channels' keys only ${listing(Object.keys(channel.keys), 9)}`,
      `delete the line \`${foreign[0]}\`, or correct the line \`channel\``,
    )
  }
  const form = formOf(channel, given)
  const ours = form && [...channel.required, ...form.required, ...(form.optional ?? [])]
  const other = ours && Object.keys(given).find(key => !COMMON.has(key) && !ours.includes(key))
  if (other !== undefined)
    return unfit(
      `channel ${name} does not read ${other} together with ${listing(form?.required ?? [])}`,
      ways(channel),
      `delete the line \`${other}\``,
    )
  const needed = [...channel.required, ...(form?.required ?? []), ...(channel.requiredFor?.[depth] ?? [])]
  const missing = needed.filter(key => given[key] === undefined)
  if (missing.length > 0)
    return unfit(
      `channel ${name} at depth ${depth} lacks ${listing(missing)}`,
      channel.forms ? ways(channel) : listing(needed, 9),
      `write a line \`${missing[0]}: …\``,
    )
  const together = channel.together ?? []
  const [alone, without] = [true, false].map(is => together.find(key => (given[key] !== undefined) === is))
  if (alone !== undefined && without !== undefined)
    return unfit(
      `${alone} stands without ${without}`,
      `${listing(together)}, or none of them`,
      `write a line \`${without}: ${channel.keys[without]?.format === 'secret' ? '"${secret:NAME}"' : '…'}\``,
    )
  return undefined
}

/** A memory of their own: that the gate sent its message an hour ago says nothing of what people are to notice. */
const ofNotices = (store: Store): Store => {
  const own = (target: string): string => `${target}/notices`
  return {
    ...store,
    append: (target, event) => store.append(own(target), event),
    read: target => store.read(own(target)),
    showCommand: target => store.showCommand(own(target)),
    forgetCommand: target => store.forgetCommand(own(target)),
  }
}

/** The interval, or what is wrong with it. */
const intervalOf = (every: string): number | Trouble => {
  const ms = duration(every)
  if (ms !== undefined && ms >= LEAST_EVERY_MS) return ms
  const expected = `between 1m and ${LONGEST_DURATION}`
  return isTooLong(every)
    ? unfit(`every is ${every}, which is too long`, expected, `write \`every: ${LONGEST_DURATION}\``)
    : unfit(`every is ${every}, and a restart loop would make that many messages`, expected, 'write `every: 1h`')
}

/** The conversation that the options make, or why they make none. */
const opened = (
  name: ChannelName,
  { depth, text, notice, ...given }: { readonly depth: Depth; readonly text?: unknown; readonly notice?: unknown },
  mask: (text: string) => string,
): Conversation | Carried<MailStep> | Trouble => {
  const conversation = channelOf(name).open({
    ...given,
    depth,
    ...(text === undefined ? {} : { text: String(text) }),
    ...(notice === undefined ? {} : { notice: String(notice) }),
  })
  if ('unusable' in conversation) return unfit(mask(conversation.unusable), conversation.expected, conversation.next)
  if (depth === 'probe' && ('talk' in conversation ? conversation.talk : conversation).probe.length === 0)
    return unfit(
      `channel ${name} cannot be asked without a message being sent`,
      'a channel that can be probed, or a delivery',
      'write `depth: deliver`',
    )
  return conversation
}

/** What `run` would refuse, as far as it can be said without the values that are open. */
const flawOf = (options: Readonly<Record<string, unknown>>, open: ReadonlySet<string>): Trouble | undefined => {
  const { channel, depth = 'deliver', every = '1h', ...given } = options
  if (open.has('channel') || open.has('depth')) return undefined
  const [name, at] = [channel as ChannelName, depth as Depth]
  const wrong = misfit(name, at, given)
  if (wrong) return wrong
  const everyMs = open.has('every') ? undefined : intervalOf(String(every))
  if (typeof everyMs === 'object') return everyMs
  // What is only optional may be left out; without what is required there is no conversation to look at.
  const known = Object.fromEntries(Object.entries(given).filter(([key]) => !open.has(key)))
  if (misfit(name, at, known)) return undefined
  const conversation = opened(name, { ...known, depth: at }, text => text)
  return 'status' in conversation ? conversation : undefined
}

export const message = defineCheck({
  kind: 'message',
  title: 'A message reaches its people: by Telegram, Discord, Slack, ntfy, mail or a webhook',
  docs: `Asks the service whether the credential and the target are good, then sends one message, takes the service's receipt for proof,
and removes the message again where the service can. An HTTP 200 alone is no delivery.

Its manners are fixed. At most one message in \`every\` goes to one target, counted before it leaves, so a crash loop cannot
become spam. Inside that time a confirmed delivery stands: the check probes, and says when it was confirmed. A refused or an
unknown one is said again until the time is over, or the credential or the target changes (\`next\` says how to forget it); a refused
credential is not tried again until it changes. A new credential is only probed while a delivery of another stands; where there is no
probe it is proved by a message of its own, three in \`every\` at most. What failed before it left this host uses up nothing. Nothing is tried twice,
no redirect is followed, and a service that asks for patience is left alone.

\`telegram\` calls \`getMe\`, \`getChat\`, \`getWebhookInfo\`, \`sendMessage\` (silent) and \`deleteMessage\`, and never \`getUpdates\`.
\`discord\` takes the address of a webhook (\`hook\`), or a bot's \`token\` and the id of a channel; of a bot it also says when few session
starts are left, because a restart loop that uses them up loses the token. Its test message is silent and names nobody.
\`slack\` takes a bot's \`token\` and a channel (\`auth.test\`, \`chat.postMessage\`, \`chat.delete\`), or the address of an incoming webhook
(\`hook\`), which cannot be asked without a message being sent, and whose message cannot be taken away. Slack knows no silent message.
\`ntfy\` takes a \`topic\`, and a \`token\` where the server asks for one: \`/v1/health\`, \`/TOPIC/auth\` (the right to read, which a sender need not
have), then a message of the lowest priority that the server does not keep; for people to notice, one of high priority.
\`smtp\` sends a mail. Before, it connects, encrypts (\`security: starttls\` is required and no offer; \`tls\` from the first byte), logs in, names sender
and recipient (\`MAIL FROM\`, \`RCPT TO\`) and takes that back with \`RSET\`: so the server has said that it would take the mail, and nobody sees
anything. Its 250 to the mail is the receipt, and means queued, no more; a mail cannot be taken away. Greylisting is a limit of five minutes.
Mail servers take their time, with a pause before the greeting or a filter after the mail: \`timeout: 30s\` suits them better than the default.
\`security: none\` is for a relay without a login, or on this host itself. \`HTTP_PROXY\` and its like do not hold for mail.
\`webhook\` makes the requests that are declared: \`request\` and \`expect\`, and beforehand \`probe\`. For all but mail, proxies come from
\`HTTP_PROXY\`, \`HTTPS_PROXY\` and \`NO_PROXY\`.

Where \`BOOTCHECK_MESSAGE\` is set, as \`bootcheck guard --notify ID\` does, that is what is sent, for people to notice: not silently, not taken
away again, and again after a minute. What came of it is remembered apart, under the target's name with \`/notices\` behind it: \`bootcheck state\`
shows both. A webhook's \`request.body\` has to hold \`\${env:BOOTCHECK_MESSAGE:-delivery test}\` for that.

**Why it matters.** A gateway with a revoked token or a bot that was thrown out of its group starts well, and nobody hears of it.

**What it cannot see.** Whether a person reads the message; whether the gateway itself would send it. With \`depth: probe\`
nothing proves that a message would be accepted. A webhook proves what its \`expect\` asks for, and no more; a mail server, that it has queued
the mail: whether the next one takes it, or a filter hides it, comes back to \`from\` at best.`,
  options: {
    type: 'object',
    additionalProperties: false,
    required: ['channel'],
    properties: {
      channel: { type: 'string', enum: channelNames, description: 'The service' },
      ...keys,
      depth: {
        type: 'string',
        enum: ['probe', 'deliver'],
        default: 'deliver',
        description: '`probe` asks, and nobody sees anything; `deliver` also sends one message',
      },
      every: {
        type: 'string',
        format: 'duration',
        pattern: DURATION_PATTERN,
        default: '1h',
        description: 'At most one message in this time, 1m or more',
      },
      text: { type: 'string', minLength: 1, maxLength: 1000, description: 'What the message says' },
    },
  },
  codes,
  conflict: (given, { open }) => {
    const flaw = flawOf(given, open)
    return flaw && `${flaw.summary} (expected: ${flaw.expected}); ${flaw.next}`
  },
  judgesOpen: true,
  sends: true,
  examples: [
    {
      title: 'A bot that may write to its chat',
      servers: [
        {
          port: 18461,
          status: 200,
          body: '{"ok":true,"result":{"id":4711,"username":"home_bot","type":"private","message_id":12}}',
        },
      ],
      env: { TELEGRAM_BOT_TOKEN: '110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw' },
      options: {
        channel: 'telegram',
        token: '${secret:TELEGRAM_BOT_TOKEN}',
        chat: 4711,
        api: 'http://127.0.0.1:18461',
      },
      expect: { status: 'pass', code: 'message/delivered' },
    },
    {
      title: 'A token that was revoked',
      servers: [{ port: 18462, status: 401, body: '{"ok":false,"error_code":401,"description":"Unauthorized"}' }],
      env: { TELEGRAM_BOT_TOKEN: '110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw' },
      options: {
        channel: 'telegram',
        token: '${secret:TELEGRAM_BOT_TOKEN}',
        chat: 4711,
        api: 'http://127.0.0.1:18462',
      },
      expect: { status: 'fail', code: 'message/unauthorized' },
    },
    {
      title: 'A Discord webhook that was deleted',
      servers: [{ port: 18464, status: 404, body: '{"message":"Unknown Webhook","code":10015}' }],
      env: { DISCORD_HOOK: 'http://127.0.0.1:18464/api/webhooks/223704706495545344/kJ9hs7Xw2pQmZr4tVbNcLd8fGy3aE6uT' },
      options: { channel: 'discord', hook: '${secret:DISCORD_HOOK}' },
      expect: { status: 'fail', code: 'message/unauthorized' },
    },
    {
      title: 'A Slack bot that nobody has invited: HTTP 200, and a refusal all the same',
      servers: [{ port: 18465, status: 200, body: '{"ok":false,"error":"not_in_channel"}' }],
      env: { SLACK_BOT_TOKEN: 'xoxb-example-4711-notarealtoken' },
      options: {
        channel: 'slack',
        token: '${secret:SLACK_BOT_TOKEN}',
        chat: 'C024BE91L',
        api: 'http://127.0.0.1:18465',
      },
      expect: { status: 'fail', code: 'message/forbidden' },
    },
    {
      title: 'An ntfy server, and a message that it has taken',
      servers: [
        { port: 18466, status: 200, body: '{"healthy":true,"success":true,"id":"hwQ2YpKdmg","topic":"gateway_4711"}' },
      ],
      options: { channel: 'ntfy', topic: 'gateway_4711', api: 'http://127.0.0.1:18466' },
      expect: { status: 'pass', code: 'message/delivered' },
    },
    {
      title: 'Mail by way of a server that is not there',
      env: { SMTP_PASSWORD: 'correct horse battery staple' },
      options: {
        channel: 'smtp',
        host: '127.0.0.1',
        port: 18467,
        security: 'tls',
        user: 'gateway@home.example',
        password: '${secret:SMTP_PASSWORD}',
        from: 'gateway@home.example',
        to: 'ops@home.example',
      },
      expect: { status: 'fail', code: 'message/connect' },
    },
    {
      title: 'A webhook that answers 200 and refuses all the same',
      servers: [{ port: 18463, status: 200, body: '{"ok":false,"error":"channel_is_archived"}' }],
      options: {
        channel: 'webhook',
        url: 'http://127.0.0.1:18463/hook',
        request: { body: { text: 'The gateway is about to start' } },
        expect: { status: 200, json: { '/ok': true } },
      },
      expect: { status: 'fail', code: 'message/expectation' },
    },
  ],
  async run(options, ctx) {
    const { channel: name, depth: asked, every, text, ...given } = options
    const notice = ctx.env.BOOTCHECK_MESSAGE || undefined
    const depth = notice === undefined ? asked : 'deliver'
    const wrong = misfit(name, depth, given)
    if (wrong) return wrong
    const everyMs = notice === undefined ? intervalOf(every) : LEAST_EVERY_MS
    if (typeof everyMs === 'object') return everyMs
    const conversation = opened(name, { ...given, depth, text, notice }, ctx.mask)
    if ('status' in conversation) return conversation
    const wanted = { channel: name, depth, everyMs, stays: notice !== undefined }
    return converse(conversation, wanted, notice === undefined ? ctx : { ...ctx, store: ofNotices(ctx.store) })
  },
})
