/**
 * The commands of Synapse's replication protocol, one a message: `NAME arguments`. Reading never throws; printing
 * refuses what the other side would read as something else.
 */

import { accepted, type Result, refused } from '../../shared/matrix/result.ts'

/** A row of a stream. `token` null (`batch` on the wire): more rows with the same token follow. */
export interface Rdata {
  readonly name: 'RDATA'
  readonly stream: string
  readonly instance: string
  readonly token: number | null
  readonly row: unknown
}

/** `instance` is at `to` now, and wrote nothing after `from`. */
export interface Position {
  readonly name: 'POSITION'
  readonly stream: string
  readonly instance: string
  readonly from: number
  readonly to: number
}

/** All who write something: say where you are. */
export interface Replicate {
  readonly name: 'REPLICATE'
}

/** A user's first sync in a process started, or the last ended. `instanceId` is made anew at each start. */
export interface UserSync {
  readonly name: 'USER_SYNC'
  readonly instanceId: string
  readonly userId: string
  readonly deviceId: string | null
  readonly isSyncing: boolean
  readonly lastSyncMs: number
}

/** The process is going down: nobody syncs there. */
export interface ClearUserSync {
  readonly name: 'CLEAR_USER_SYNC'
  readonly instanceId: string
}

/** A request of a user's device. Carries the access token: never to be logged. */
export interface UserIp {
  readonly name: 'USER_IP'
  readonly userId: string
  readonly accessToken: string
  readonly ip: string
  readonly userAgent: string
  readonly deviceId: string | null
  readonly lastSeenMs: number
}

/** A federation sender has what the federation stream had up to `token`. */
export interface FederationAck {
  readonly name: 'FEDERATION_ACK'
  readonly instance: string
  readonly token: number
}

/** A server that was down answered. Must not be passed on by those who hear it. */
export interface RemoteServerUp {
  readonly name: 'REMOTE_SERVER_UP'
  readonly server: string
}

export interface LockReleased {
  readonly name: 'LOCK_RELEASED'
  readonly instance: string
  readonly lockName: string
  readonly lockKey: string
}

/** Of the table `scheduled_tasks`. */
export interface TaskCommand {
  readonly name: 'NEW_ACTIVE_TASK' | 'CANCEL_TASK'
  readonly taskId: string
}

/** Of the protocol before Redis; they mean nothing any more. */
export interface LegacyCommand {
  readonly name: 'ERROR' | 'PING' | 'NAME' | 'SERVER'
  readonly text: string
}

export type Command =
  | Rdata
  | Position
  | Replicate
  | UserSync
  | ClearUserSync
  | UserIp
  | FederationAck
  | RemoteServerUp
  | LockReleased
  | TaskCommand
  | LegacyCommand

/** The first `count - 1` words, and what is left; fewer if there are not as many. */
function words(line: string, count: number): string[] {
  const found: string[] = []
  let at = 0
  while (found.length < count - 1) {
    const space = line.indexOf(' ', at)
    if (space === -1) break
    found.push(line.slice(at, space))
    at = space + 1
  }
  found.push(line.slice(at))
  return found
}

function integer(text: string | undefined): number | undefined {
  if (text === undefined || !/^-?\d{1,16}$/.test(text)) return undefined
  const value = Number(text)
  return Number.isSafeInteger(value) ? value : undefined
}

function json(text: string | undefined): Result<unknown> {
  try {
    return accepted(JSON.parse(text ?? ''))
  } catch {
    return refused('not JSON')
  }
}

const isText = (value: unknown): value is string => typeof value === 'string'

const readers: Readonly<Record<Command['name'], (rest: string) => Command | undefined>> = {
  RDATA(rest) {
    const [stream, instance, tokenText, rowText] = words(rest, 4)
    const token = tokenText === 'batch' ? null : integer(tokenText)
    const row = json(rowText)
    if (!stream || !instance || token === undefined || !row.ok) return undefined
    return { name: 'RDATA', stream, instance, token, row: row.value }
  },
  POSITION(rest) {
    const [stream, instance, fromText, toText] = words(rest, 4)
    const [from, to] = [integer(fromText), integer(toText)]
    if (!stream || !instance || from === undefined || to === undefined) return undefined
    return { name: 'POSITION', stream, instance, from, to }
  },
  REPLICATE: () => ({ name: 'REPLICATE' }),
  USER_SYNC(rest) {
    const [instanceId, userId, device, state, ms] = words(rest, 5)
    const lastSyncMs = integer(ms)
    if (!instanceId || !userId || !device || lastSyncMs === undefined || (state !== 'start' && state !== 'end'))
      return undefined
    const deviceId = device === 'None' ? null : device
    return { name: 'USER_SYNC', instanceId, userId, deviceId, isSyncing: state === 'start', lastSyncMs }
  },
  CLEAR_USER_SYNC: (instanceId) => (instanceId === '' ? undefined : { name: 'CLEAR_USER_SYNC', instanceId }),
  USER_IP(rest) {
    const [userId, arrayText] = words(rest, 2)
    const array = json(arrayText)
    if (!userId || !array.ok || !Array.isArray(array.value)) return undefined
    const [accessToken, ip, userAgent, deviceId, lastSeenMs]: unknown[] = array.value
    if (!isText(accessToken) || !isText(ip) || !isText(userAgent) || typeof lastSeenMs !== 'number') return undefined
    if (deviceId !== null && !isText(deviceId)) return undefined
    return { name: 'USER_IP', userId, accessToken, ip, userAgent, deviceId, lastSeenMs }
  },
  FEDERATION_ACK(rest) {
    const [instance, tokenText] = words(rest, 2)
    const token = integer(tokenText)
    return !instance || token === undefined ? undefined : { name: 'FEDERATION_ACK', instance, token }
  },
  REMOTE_SERVER_UP: (server) => (server === '' ? undefined : { name: 'REMOTE_SERVER_UP', server }),
  LOCK_RELEASED(rest) {
    const array = json(rest)
    if (!array.ok || !Array.isArray(array.value)) return undefined
    const [instance, lockName, lockKey]: unknown[] = array.value
    if (!isText(instance) || !isText(lockName) || !isText(lockKey)) return undefined
    return { name: 'LOCK_RELEASED', instance, lockName, lockKey }
  },
  NEW_ACTIVE_TASK: (taskId) => (taskId === '' ? undefined : { name: 'NEW_ACTIVE_TASK', taskId }),
  CANCEL_TASK: (taskId) => (taskId === '' ? undefined : { name: 'CANCEL_TASK', taskId }),
  ERROR: (text) => ({ name: 'ERROR', text }),
  PING: (text) => ({ name: 'PING', text }),
  NAME: (text) => ({ name: 'NAME', text }),
  SERVER: (text) => ({ name: 'SERVER', text }),
}

export type CommandName = Command['name']

/** The reason names the command but nothing of its arguments: they may be secret. */
export function parseCommand(line: string): Result<Command> {
  const space = line.indexOf(' ')
  const name = space === -1 ? line : line.slice(0, space)
  if (!Object.hasOwn(readers, name)) return refused('not a command of the replication protocol')
  const command = readers[name as CommandName](space === -1 ? '' : line.slice(space + 1))
  return command === undefined ? refused(`${name} has arguments that it cannot have`) : accepted(command)
}

/**
 * The line to publish. Refused: newlines, and spaces where a word must stand (a device may have any name, but on the bus
 * it is one word).
 */
export function printCommand(command: Command): Result<string> {
  const parts = argumentsOf(command)
  const last = parts.length - 1
  for (const [index, part] of parts.entries())
    if (part.includes('\n') || (index < last && (part === '' || part.includes(' '))))
      return refused(`${command.name} has an argument that is not one word`)
  // `REPLICATE ` with its space, as Synapse sends it.
  return accepted(`${command.name} ${parts.join(' ')}`)
}

/** In their order; only the last may have spaces. */
function argumentsOf(command: Command): readonly string[] {
  switch (command.name) {
    case 'RDATA': {
      const { stream, instance, token, row } = command
      return [stream, instance, token === null ? 'batch' : String(token), JSON.stringify(row)]
    }
    case 'POSITION':
      return [command.stream, command.instance, String(command.from), String(command.to)]
    case 'REPLICATE':
      return ['']
    case 'USER_SYNC': {
      const { instanceId, userId, deviceId, isSyncing, lastSyncMs } = command
      return [instanceId, userId, deviceId ?? 'None', isSyncing ? 'start' : 'end', String(lastSyncMs)]
    }
    case 'CLEAR_USER_SYNC':
      return [command.instanceId]
    case 'USER_IP': {
      const { userId, accessToken, ip, userAgent, deviceId, lastSeenMs } = command
      return [userId, JSON.stringify([accessToken, ip, userAgent, deviceId, lastSeenMs])]
    }
    case 'FEDERATION_ACK':
      return [command.instance, String(command.token)]
    case 'REMOTE_SERVER_UP':
      return [command.server]
    case 'LOCK_RELEASED':
      return [JSON.stringify([command.instance, command.lockName, command.lockKey])]
    case 'NEW_ACTIVE_TASK':
    case 'CANCEL_TASK':
      return [command.taskId]
    default:
      return [command.text]
  }
}
