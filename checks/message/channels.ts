/** The channels: one line each. */
import type { OptionSchema } from '../../core/check.ts'
import type { Channel } from './channel.ts'
import { discord } from './channels/discord.ts'
import { ntfy } from './channels/ntfy.ts'
import { slack } from './channels/slack.ts'
import { smtp } from './channels/smtp.ts'
import { telegram } from './channels/telegram.ts'
import { webhook } from './channels/webhook.ts'

export const channels = { telegram, discord, slack, ntfy, smtp, webhook }

const all = { ...telegram.keys, ...discord.keys, ...slack.keys, ...ntfy.keys, ...smtp.keys, ...webhook.keys }

/** What each channel says of a key. */
const described = (key: string): string =>
  Object.values<{ readonly keys: Readonly<Record<string, OptionSchema>> }>(channels)
    .flatMap(channel => channel.keys[key]?.description ?? [])
    .join('; ')

/** The keys of all of them; of one that several share, each says what it is there. */
export const keys = Object.fromEntries(
  Object.entries(all).map(([key, schema]) => [key, { ...schema, description: described(key) }]),
) as typeof all

export type ChannelName = keyof typeof channels

export const channelNames = Object.keys(channels) as [ChannelName, ...ChannelName[]]

/** A channel without its option type: what it reads was checked by `misfit`. */
export const channelOf = (name: ChannelName): Channel => channels[name] as unknown as Channel
