/** The channels: one line each. */
import type { Channel } from './channel.ts'
import { telegram } from './channels/telegram.ts'
import { webhook } from './channels/webhook.ts'

export const channels = { telegram, webhook }

/** The keys of all of them; one that several share is described by the last. */
export const keys = { ...telegram.keys, ...webhook.keys }

export type ChannelName = keyof typeof channels

export const channelNames = Object.keys(channels) as [ChannelName, ...ChannelName[]]

/** A channel without its option type: what it reads was checked by `misfit`. */
export const channelOf = (name: ChannelName): Channel => channels[name] as unknown as Channel
