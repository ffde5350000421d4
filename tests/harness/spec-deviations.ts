/** Where our answers are not as the specification has them, and why. */

interface Deviation {
  /** `operationId` */
  readonly operation: string
  readonly status: number
  /** In what is said of the answer. */
  readonly problem: RegExp
  readonly why: string
}

const NULL = 'Synapse says null where there is none, and clients know it'

export const deviations: readonly Deviation[] = [
  { operation: 'getDevices', status: 200, problem: /(display_name|last_seen_\w+) must be (string|integer)/, why: NULL },
  { operation: 'getDevice', status: 200, problem: /(display_name|last_seen_\w+) must be (string|integer)/, why: NULL },
  { operation: 'getJoinedMembersByRoom', status: 200, problem: /(avatar_url|display_name) must be string/, why: NULL },
  { operation: 'searchUserDirectory', status: 200, problem: /(avatar_url|display_name) must be string/, why: NULL },
  {
    operation: 'search',
    status: 200,
    problem: /profile_info\/\S+\/(avatar_url|displayname) must be string/,
    why: NULL,
  },
  { operation: 'getNotifications', status: 200, problem: /profile_tag must be string/, why: NULL },
  {
    operation: 'getRoomStateWithKey',
    status: 200,
    problem: /must match exactly one schema in oneOf/,
    why: 'an event, as format=event asks for, is also an object with any members, the other choice of the schema',
  },
  {
    operation: 'search',
    status: 200,
    problem: /groups\/room_id\/\S+\/order must be integer/,
    why: 'the order of a room is the rank of its best result, a fraction, as in Synapse',
  },
]

/** The reason; undefined: there is none. */
export const deviationOf = (operation: string, status: number, problem: string): string | undefined =>
  deviations.find((one) => one.operation === operation && one.status === status && one.problem.test(problem))?.why
