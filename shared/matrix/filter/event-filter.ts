import { compileGlob, matchesWhole } from '../glob.ts'
import { isObject, type JsonObject, type JsonValue, property } from '../json/value.ts'
import { accepted, type Result, refused } from '../result.ts'

/** What filters look at. A `RoomEvent` is one; of presence, account data and ephemeral events, what they have. */
export interface Filterable {
  readonly type: string
  /** Of presence: whose it is. */
  readonly sender?: string | undefined
  readonly roomId?: string | undefined
  readonly content: JsonValue
}

/** Values as the client wrote them, for queries; `include` undefined: any. */
export interface Selection {
  readonly include: readonly string[] | undefined
  readonly exclude: readonly string[]
}

/** `EventFilter`, `StateFilter` and `RoomEventFilter` of client-server-api, "Filtering". */
export interface EventFilter {
  /** The client's; undefined: the server's default. The server caps it. */
  readonly limit: number | undefined
  /** Exact but for `*`, which is any number of characters. */
  readonly types: Selection
  readonly senders: Selection
  readonly rooms: Selection
  readonly containsUrl: boolean | undefined
  readonly lazyLoadMembers: boolean
  readonly includeRedundantMembers: boolean
  readonly unreadThreadNotifications: boolean
  /** MSC3440: only events to which such an event relates; undefined: any. The caller knows relations: {@link isRelatedBy}. */
  readonly relatedBy: RelatedBy | undefined
  /** No event passes: what it is for need not be looked up. */
  readonly passesNothing: boolean
  readonly passes: (event: Filterable) => boolean
  readonly passesRoom: (roomId: string) => boolean
}

/** Undefined: any. */
export interface RelatedBy {
  readonly senders: readonly string[] | undefined
  readonly relTypes: readonly string[] | undefined
}

/**
 * How large a filter may be, so that none can hold up a server: lists are looked up in sets but for wildcards, and these
 * are few. Ten times what clients were seen to send.
 */
export const filterLimits = { entries: 20_000, characters: 1_000_000, wildcards: 64, wildcardLength: 255 } as const

/** What is left of {@link filterLimits} while a filter is read. */
export interface FilterBudget {
  entries: number
  characters: number
}
export const filterBudget = (): FilterBudget => ({ entries: filterLimits.entries, characters: filterLimits.characters })

/**
 * @param path Where the filter stands, for the refusal: `room.timeline`.
 * @param budget Gets smaller.
 */
export function readEventFilter(json: JsonValue | undefined, path: string, budget: FilterBudget): Result<EventFilter> {
  if (json === undefined) return accepted(passAll)
  if (!isObject(json)) return refused(`${path}: not an object`)
  let problem: string | undefined
  const fail = (name: string, reason: string) => {
    problem ??= `${path}.${name}: ${reason}`
  }

  function list(name: string, sigil = ''): readonly string[] | undefined {
    const value = property(json as JsonObject, name)
    if (value === undefined) return undefined
    const read = readStrings(value, sigil, budget)
    if (read.ok) return read.value
    fail(name, read.reason)
    return undefined
  }
  function flag(name: string): boolean | undefined {
    const value = property(json as JsonObject, name)
    if (value === undefined || typeof value === 'boolean') return value
    fail(name, 'not a boolean')
    return undefined
  }
  const selection = (name: string, sigil?: string, prefix = ''): Selection => ({
    include: list(`${prefix}${name}`, sigil),
    exclude: list(`${prefix}not_${name}`, sigil) ?? [],
  })

  const types = selection('types')
  const senders = selection('senders', '@')
  const rooms = selection('rooms', '!')
  // MSC2326 and MSC3874, which Synapse knows by these names.
  const labels = selection('labels', '', 'org.matrix.')
  const relTypes = selection('rel_types', '', 'org.matrix.msc3874.')
  const relatedSenders = list('related_by_senders')
  const relatedTypes = list('related_by_rel_types')
  const containsUrl = flag('contains_url')
  const lazyLoadMembers = flag('lazy_load_members') ?? false
  const includeRedundantMembers = flag('include_redundant_members') ?? false
  const unreadThreadNotifications =
    flag('unread_thread_notifications') ?? flag('org.matrix.msc3773.unread_thread_notifications') ?? false
  const limit = readLimit(json.limit)
  if (limit === 'invalid') fail('limit', 'not an integer of 0 or more')
  const wildcards = [...(types.include ?? []), ...types.exclude].filter((type) => type.includes('*'))
  if (wildcards.length > filterLimits.wildcards) fail('types', 'too many wildcards')
  if (wildcards.some((type) => type.length > filterLimits.wildcardLength)) fail('types', 'a wildcard is too long')
  if (problem !== undefined) return refused(problem)

  const isType = typeMatcher(types)
  const isSender = exactMatcher(senders)
  const isRoom = exactMatcher(rooms)
  const isRelation = isAny(relTypes) ? undefined : exactMatcher(relTypes)
  const hasLabels = labelMatcher(labels)
  const all = [types, senders, rooms, labels, relTypes]
  const isOpen = all.every(isAny) && containsUrl === undefined
  const passes = ({ type, sender, roomId, content }: Filterable): boolean =>
    isRoom(roomId) &&
    isSender(sender) &&
    isType(type) &&
    (hasLabels === undefined || hasLabels(content)) &&
    (isRelation === undefined || isRelation(relationOf(content))) &&
    (containsUrl === undefined || containsUrl === hasUrl(content))
  return accepted({
    limit: limit === 'invalid' ? undefined : limit,
    types,
    senders,
    rooms,
    containsUrl,
    lazyLoadMembers,
    includeRedundantMembers,
    unreadThreadNotifications,
    relatedBy:
      relatedSenders === undefined && relatedTypes === undefined
        ? undefined
        : { senders: relatedSenders, relTypes: relatedTypes },
    passesNothing: all.some(({ include }) => include?.length === 0) || types.exclude.includes('*'),
    passes: isOpen ? pass : passes,
    passesRoom: isRoom,
  })
}

const any: Selection = { include: undefined, exclude: [] }
const pass = () => true
const isAny = ({ include, exclude }: Selection): boolean => include === undefined && exclude.length === 0

/** The filter that a client did not send. */
export const passAll: EventFilter = {
  limit: undefined,
  types: any,
  senders: any,
  rooms: any,
  containsUrl: undefined,
  lazyLoadMembers: false,
  includeRedundantMembers: false,
  unreadThreadNotifications: false,
  relatedBy: undefined,
  passesNothing: false,
  passes: pass,
  passesRoom: pass,
}

/** Whether one of the events that relate to an event is what the filter asks for. An empty list asks for nothing. */
export const isRelatedBy = (
  { senders, relTypes }: RelatedBy,
  relations: Iterable<{ readonly sender: string; readonly relType: string }>,
): boolean => {
  const asksSenders = senders !== undefined && senders.length > 0
  const asksTypes = relTypes !== undefined && relTypes.length > 0
  if (!asksSenders && !asksTypes) return true
  for (const { sender, relType } of relations) {
    if ((!asksSenders || senders.includes(sender)) && (!asksTypes || relTypes.includes(relType))) return true
  }
  return false
}

/** A list of strings that begin with `sigil`, counted against the budget. */
export function readStrings(value: JsonValue, sigil: string, budget: FilterBudget): Result<readonly string[]> {
  if (!Array.isArray(value)) return refused('not a list of strings')
  budget.entries -= value.length
  if (budget.entries < 0) return refused('the filter has too many entries')
  for (const entry of value as readonly JsonValue[]) {
    if (typeof entry !== 'string') return refused('not a list of strings')
    budget.characters -= entry.length
    if (budget.characters < 0) return refused('the filter is too large')
    // Nothing that it could match, and nothing that a database could be asked for.
    if (entry.includes('\0')) return refused('there is one that holds a NUL')
    if (!entry.startsWith(sigil)) return refused(`there is one that does not begin with ${sigil}`)
  }
  return accepted(value as readonly string[])
}

/** NOTSPEC: 0, which means no events to clients that send it, as to Synapse. */
function readLimit(value: JsonValue | undefined): number | undefined | 'invalid' {
  if (value === undefined) return undefined
  if (typeof value === 'bigint' && value > 0n) return Number.MAX_SAFE_INTEGER
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0 ? value : 'invalid'
}

function exactMatcher(selection: Selection): (value: string | undefined) => boolean {
  if (isAny(selection)) return pass
  const include = selection.include === undefined ? undefined : new Set<string | undefined>(selection.include)
  const exclude = new Set<string | undefined>(selection.exclude)
  return (value) => !exclude.has(value) && (include === undefined || include.has(value))
}

/** As many types as one filter remembers: rooms have few, but for those of whoever wants to fill memory. */
const MAX_KNOWN_TYPES = 256

function typeMatcher(selection: Selection): (type: string) => boolean {
  if (isAny(selection)) return pass
  const isIncluded = selection.include === undefined ? pass : oneOfTypes(selection.include)
  const isExcluded = oneOfTypes(selection.exclude)
  if (![...(selection.include ?? []), ...selection.exclude].some((type) => type.includes('*')))
    return (type) => !isExcluded(type) && isIncluded(type)
  const known = new Map<string, boolean>()
  return (type) => {
    let answer = known.get(type)
    if (answer === undefined) {
      answer = !isExcluded(type) && isIncluded(type)
      if (known.size < MAX_KNOWN_TYPES) known.set(type, answer)
    }
    return answer
  }
}

function oneOfTypes(types: readonly string[]): (type: string) => boolean {
  const exact = new Set(types.filter((type) => !type.includes('*')))
  const globs = types.filter((type) => type.includes('*')).map((type) => compileGlob(type, '*'))
  return (type) => exact.has(type) || globs.some((glob) => matchesWhole(glob, type))
}

function labelMatcher(selection: Selection): ((content: JsonValue) => boolean) | undefined {
  if (isAny(selection)) return undefined
  const { include, exclude } = selection
  return (content) => {
    const value = isObject(content) ? property(content, 'org.matrix.labels') : undefined
    const labels: ReadonlySet<JsonValue> = new Set(Array.isArray(value) ? value : [])
    return !exclude.some((label) => labels.has(label)) && (include?.some((label) => labels.has(label)) ?? true)
  }
}

/** NOTSPEC: a `url` that is no string does not count, as in Synapse, whose tables say so of each event. */
const hasUrl = (content: JsonValue): boolean => isObject(content) && typeof property(content, 'url') === 'string'

/** The type of the event's relation (client-server-api, "Forming relationships between events"). */
function relationOf(content: JsonValue): string | undefined {
  const relation = isObject(content) ? property(content, 'm.relates_to') : undefined
  if (!isObject(relation) || typeof relation.event_id !== 'string') return undefined
  return typeof relation.rel_type === 'string' ? relation.rel_type : undefined
}
