/** What a client asks of sliding sync (MSC4186). */

import type { RoomId, UserId } from '../../shared/matrix/ids.ts'
import type { StreamToken } from '../streams/tokens.ts'
import type { RoomConfig } from './room-config.ts'

export interface SlidingSyncRequest {
  readonly userId: UserId
  readonly deviceId: string | undefined
  /** Of several connections of a device; `''` without. */
  readonly connId: string
  /** Undefined: the client begins. */
  readonly from: SlidingSyncPosition | undefined
  readonly lists: ReadonlyMap<string, ListRequest>
  readonly subscriptions: ReadonlyMap<RoomId, RoomConfig>
  readonly extensions: ExtensionRequests
}

export interface SlidingSyncPosition {
  /** 0: a connection that was told of no rooms. */
  readonly connection: number
  readonly token: StreamToken
}

export interface ListRequest {
  readonly config: RoomConfig
  /** First and last index, both inclusive, from 0. */
  readonly ranges: readonly (readonly [first: number, last: number])[]
  readonly filters: ListFilters | undefined
}

/** Undefined: any. */
export interface ListFilters {
  readonly isDirect: boolean | undefined
  readonly spaces: readonly string[] | undefined
  readonly isEncrypted: boolean | undefined
  readonly isInvite: boolean | undefined
  /** Null: rooms without a type. */
  readonly roomTypes: readonly (string | null)[] | undefined
  readonly notRoomTypes: readonly (string | null)[] | undefined
  readonly nameLike: string | undefined
  readonly tags: readonly string[] | undefined
  readonly notTags: readonly string[] | undefined
}

/** Of which rooms an extension tells: names of lists, and IDs of rooms; `*` is all. */
export interface ExtensionScope {
  readonly lists: readonly string[]
  readonly rooms: readonly string[]
}

/** Those that are asked for. */
export interface ExtensionRequests {
  readonly toDevice: { readonly since: string | undefined; readonly limit: number } | undefined
  readonly e2ee: boolean
  readonly accountData: ExtensionScope | undefined
  readonly receipts: ExtensionScope | undefined
  readonly typing: ExtensionScope | undefined
  readonly threadSubscriptions: { readonly limit: number } | undefined
}
