/** The transaction of a batch: all that follows from events of one room, in as few statements as there are kinds of rows. */

import { type EventId, type RoomId, type ServerName, serverNameOf, type UserId } from '../../../shared/matrix/ids.ts'
import { type StateChange, updateCurrentState } from '../../storage/current-state.ts'
import type { Db, Transaction } from '../../storage/db.ts'
import {
  deleteRelations,
  insertEvents,
  insertRedactions,
  insertRelations,
  type NewEvent,
  type RoomActivity,
  updateThreads,
} from '../../storage/events.ts'
import { changeForwardExtremities, updateBackwardExtremities } from '../../storage/extremities.ts'
import {
  deleteLocalMemberships,
  insertMemberships,
  type Membership,
  upsertLocalMemberships,
} from '../../storage/memberships.ts'
import { deletePushActions, insertPushActions } from '../../storage/push-actions.ts'
import { insertRoom, updateRoomDepth } from '../../storage/rooms.ts'
import {
  BUMP_TYPES,
  deleteMembershipSnapshots,
  upsertJoinedRooms,
  upsertMembershipSnapshots,
} from '../../storage/sliding-sync-rooms.ts'
import { insertGroupsOfEvents } from '../../storage/state-groups.ts'
import { insertTransactions } from '../../storage/transactions.ts'
import type { PushAction } from '../push-actions.ts'
import { relationOf } from './relation.ts'
import { isInRoom, type NewRoomEvent } from './request.ts'
import type { RoomListChanges } from './room-lists.ts'
import { searchedTextOf } from './searched-text.ts'

/** An event of a batch, with its place in the stream. */
export interface PlacedEvent extends NewRoomEvent {
  readonly streamOrdering: number
  /** Its canonical JSON. */
  readonly text: string
  readonly pushActions: readonly PushAction[]
}

export interface Batch {
  readonly roomId: RoomId
  readonly instance: string
  readonly serverName: ServerName
  readonly events: readonly PlacedEvent[]
  readonly extremitiesBefore: ReadonlySet<EventId>
  readonly extremitiesAfter: ReadonlySet<EventId>
  readonly stateChanges: readonly StateChange[]
  readonly roomLists: RoomListChanges
  /** `enable_search`: messages, names and topics are to be found. */
  readonly isSearched: boolean
  /** With a create event. */
  readonly isPublic: boolean
  /** Milliseconds since 1970. */
  readonly receivedTs: number
}

/** The tables are not as this process had them in mind: another one wrote them. Nothing is stored. */
export class HeadMoved extends Error {}

export const writeBatch = (db: Db, batch: Batch): Promise<void> =>
  db.transaction('read committed', (tx) => write(tx, batch), 'persist_events')

async function write(tx: Transaction, batch: Batch): Promise<void> {
  const { roomId, events, extremitiesBefore, extremitiesAfter, receivedTs } = batch
  const accepted = events.filter(({ rejectedReason }) => rejectedReason === null)
  const inRoom = events.filter(isInRoom)
  const last = events.at(-1)!.streamOrdering

  // All are sent at once, in this order; rows that others refer to come first.
  const statements: Promise<unknown>[] = []
  const send = (work: Promise<unknown>) => void statements.push(work)
  const before = changeForwardExtremities(tx, roomId, {
    gone: [...extremitiesBefore].filter((id) => !extremitiesAfter.has(id)),
    added: [...extremitiesAfter].filter((id) => !extremitiesBefore.has(id)),
    now: [...extremitiesAfter],
    streamOrdering: last,
  })
  send(before)
  const create = accepted.find(({ event }) => event.type === 'm.room.create' && event.stateKey === '')
  if (create !== undefined)
    send(
      insertRoom(tx, {
        roomId,
        roomVersion: create.version.id,
        creator: create.event.sender,
        isPublic: batch.isPublic,
        // The index of auth chains is not kept here: Synapse does without it in rooms that say so.
        hasAuthChainIndex: false,
      }),
    )
  send(
    insertEvents(
      tx,
      events.map((event) => rowOf(event, batch)),
      activityOf(inRoom),
    ),
  )
  sendIfAny(send, groupsOf(events), (rows) => insertGroupsOfEvents(tx, rows))
  sendIfAny(send, accepted.flatMap(membershipOf), (rows) => insertMemberships(tx, rows))
  if (batch.stateChanges.length > 0) {
    send(updateCurrentState(tx, roomId, batch.instance, batch.stateChanges))
    sendLocalMemberships(tx, send, batch)
  }
  const { facts, snapshots } = batch.roomLists
  if (facts !== undefined) send(upsertJoinedRooms(tx, [{ roomId, facts }]))
  sendIfAny(send, snapshots, (rows) => upsertMembershipSnapshots(tx, rows))
  sendIfAny(send, accepted.flatMap(transactionOf), (rows) => insertTransactions(tx, rows, receivedTs))
  sendIfAny(send, accepted.flatMap(pushRowsOf), (rows) => insertPushActions(tx, rows))
  sendIfAny(send, redactionsOf(accepted, receivedTs), (rows) => {
    const redacted = rows.map(({ redacts }) => redacts)
    return Promise.all([
      insertRedactions(tx, rows),
      deletePushActions(tx, roomId, redacted),
      deleteRelations(tx, roomId, redacted),
    ])
  })
  const relations = accepted.flatMap((added) => relationOf(added.event) ?? [])
  sendIfAny(send, relations, (rows) => insertRelations(tx, rows))
  sendIfAny(send, accepted.flatMap(threadPlaceOf), (rows) => updateThreads(tx, roomId, rows))
  if (inRoom.some(({ event }) => isBehindGap(event.prevEvents, batch))) {
    const depths = inRoom.map(({ event }) => event.depth)
    send(updateRoomDepth(tx, roomId, Math.min(...depths)))
    send(
      updateBackwardExtremities(
        tx,
        roomId,
        inRoom.map(({ event }) => event.eventId),
      ),
    )
  }
  await Promise.all(statements)
  if (!isSame(await before, extremitiesBefore)) throw new HeadMoved(`${roomId} has other forward extremities`)
}

function sendIfAny<T>(
  send: (work: Promise<unknown>) => void,
  rows: readonly T[],
  work: (rows: readonly T[]) => Promise<unknown>,
) {
  if (rows.length > 0) send(work(rows))
}

const isSame = (ids: readonly EventId[], expected: ReadonlySet<EventId>): boolean =>
  ids.length === expected.size && ids.every((id) => expected.has(id))

/** It follows something else than what the room ended with: it is the first, or others sent it. */
const isBehindGap = (prevEvents: readonly EventId[], { events, extremitiesBefore }: Batch): boolean =>
  prevEvents.length === 0 ||
  prevEvents.some((prev) => !extremitiesBefore.has(prev) && !events.some(({ event }) => event.eventId === prev))

/** Where the room ends from now on, and the last event that brings it up in lists. */
function activityOf(inRoom: readonly PlacedEvent[]): RoomActivity | undefined {
  const last = inRoom.at(-1)
  if (last === undefined) return undefined
  const bump = inRoom.findLast(({ event }) => BUMP_TYPES.includes(event.type))
  return { roomId: last.event.roomId, last: last.streamOrdering, bumpStamp: bump?.streamOrdering ?? null }
}

const FORMATS = { assigned: 1, base64: 2, base64url: 3 } as const
/** Synapse's number for the form of a room version's events. */
export const formatOf = ({ version }: Pick<NewRoomEvent, 'version'>): number =>
  version.roomIdIsCreateHash ? 4 : FORMATS[version.eventIds]

function rowOf(added: PlacedEvent, { instance, receivedTs, isSearched }: Batch): NewEvent {
  const { event } = added
  return {
    eventId: event.eventId,
    roomId: event.roomId,
    type: event.type,
    stateKey: event.stateKey ?? null,
    sender: event.sender,
    depth: event.depth,
    originServerTs: event.originServerTs,
    receivedTs,
    streamOrdering: added.streamOrdering,
    topologicalOrdering: event.depth,
    instanceName: instance,
    isOutlier: added.isOutlier,
    containsUrl: typeof event.content.url === 'string',
    rejectionReason: added.rejectedReason,
    internalMetadata: JSON.stringify(added.internal),
    json: added.text,
    formatVersion: formatOf(added),
    prevEventIds: event.prevEvents,
    authEventIds: event.authEvents,
    searched: isSearched && !added.isOutlier && added.rejectedReason === null ? searchedTextOf(event) : undefined,
  }
}

/** A rejected event changes no state: its group is the one before it. */
const groupsOf = (events: readonly PlacedEvent[]) =>
  events.flatMap(({ event: { eventId }, isOutlier, stateGroup }) =>
    isOutlier || stateGroup === undefined ? [] : [{ eventId, group: stateGroup }],
  )

/** What every event of that type says, allowed or not. */
const MEMBERSHIPS: ReadonlySet<unknown> = new Set<Membership>(['join', 'invite', 'knock', 'leave', 'ban'])

function membershipOf({ event, streamOrdering }: PlacedEvent) {
  const { eventId, roomId, type, stateKey, sender, content } = event
  if (type !== 'm.room.member' || stateKey === undefined || !MEMBERSHIPS.has(content.membership)) return []
  return [
    {
      eventId,
      roomId,
      userId: stateKey as UserId,
      sender,
      membership: content.membership as Membership,
      displayName: content.displayname,
      avatarUrl: content.avatar_url,
      eventStreamOrdering: streamOrdering,
    },
  ]
}

/** Our users' memberships are those of the current state, once there was one. */
function sendLocalMemberships(tx: Transaction, send: (work: Promise<unknown>) => void, batch: Batch): void {
  const { roomId, serverName, stateChanges } = batch
  const ours = stateChanges.filter(
    ({ type, stateKey }) => type === 'm.room.member' && serverNameOf(stateKey as UserId) === serverName,
  )
  const now = ours.flatMap(({ stateKey, eventId, membership, eventStreamOrdering }) =>
    eventId === null || eventStreamOrdering === null || !MEMBERSHIPS.has(membership)
      ? []
      : [{ roomId, userId: stateKey as UserId, eventId, membership: membership as Membership, eventStreamOrdering }],
  )
  const gone = ours.flatMap(({ stateKey, eventId }) => (eventId === null ? [stateKey as UserId] : []))
  sendIfAny(send, now, (rows) => upsertLocalMemberships(tx, rows))
  sendIfAny(send, gone, (userIds) =>
    Promise.all([deleteLocalMemberships(tx, roomId, userIds), deleteMembershipSnapshots(tx, roomId, userIds)]),
  )
}

function transactionOf({ event: { eventId, roomId, sender }, internal: { txn_id, device_id } }: PlacedEvent) {
  if (txn_id === undefined || device_id === undefined) return []
  return [{ eventId, roomId, userId: sender, deviceId: device_id, txnId: txn_id }]
}

const pushRowsOf = ({ event: { eventId, roomId, depth }, streamOrdering, pushActions }: PlacedEvent) =>
  pushActions.map((action) => ({ ...action, eventId, roomId, streamOrdering, topologicalOrdering: depth }))

const redactionsOf = (events: readonly PlacedEvent[], receivedTs: number) =>
  events.flatMap(({ event: { eventId, redacts }, internal }) =>
    redacts === undefined || redacts.includes('\0')
      ? []
      : [{ eventId, redacts, receivedTs, needsCheck: internal.recheck_redaction === true }],
  )

function threadPlaceOf({ event, streamOrdering }: PlacedEvent) {
  const relation = relationOf(event)
  if (relation?.relationType !== 'm.thread') return []
  const { eventId, depth } = event
  return [{ threadId: relation.relatesTo, eventId, topologicalOrdering: depth, streamOrdering }]
}
