import type { MakeAction, Weighted } from '../action.ts'
import { anyRoom, ownerOf, SERVER } from '../model.ts'

const setAlias: MakeAction = (model, random) => {
  const room = anyRoom(model, random)
  if (room === undefined) return undefined
  const alias = `#alias${random.int(6)}:${SERVER}`
  return {
    name: 'set an alias',
    by: ownerOf(model, random, room).label,
    method: 'PUT',
    path: `/v3/directory/room/${encodeURIComponent(alias)}`,
    body: { room_id: room.label },
    onSuccess: () => void room.aliases.push(alias),
  }
}

const aliases: MakeAction = (model, random) => ({
  name: 'look an alias up',
  by: random.pick(model.devices).label,
  method: 'GET',
  path: `/v3/directory/room/${encodeURIComponent(`#alias${random.int(6)}:${SERVER}`)}`,
})

const deleteAlias: MakeAction = (model, random) => ({
  name: 'delete an alias',
  by: random.pick(model.devices).label,
  method: 'DELETE',
  path: `/v3/directory/room/${encodeURIComponent(`#alias${random.int(6)}:${SERVER}`)}`,
})

const visibility: MakeAction = (model, random) => {
  const room = anyRoom(model, random)
  if (room === undefined) return undefined
  const by = ownerOf(model, random, room).label
  const path = `/v3/directory/list/room/${room.label}`
  return random.oneIn(2)
    ? { name: 'read the visibility', by, method: 'GET', path }
    : { name: 'set the visibility', by, method: 'PUT', path, body: { visibility: random.pick(['public', 'private']) } }
}

const publicRooms: MakeAction = (model, random) => ({
  name: 'search public rooms',
  by: random.pick(model.devices).label,
  method: 'POST',
  path: '/v3/publicRooms',
  body: {
    limit: 50,
    ...(random.oneIn(2) && { filter: { generic_search_term: random.pick(['apple', 'room', 'cloud']) } }),
  },
  isUnordered: true,
})

const searchUsers: MakeAction = (model, random) => ({
  name: 'search users',
  by: random.pick(model.devices).label,
  method: 'POST',
  path: '/v3/user_directory/search',
  body: { search_term: random.pick(['alice', 'bob', 'car', 'apple']), limit: 10 },
})

const summary: MakeAction = (model, random) => {
  const room = anyRoom(model, random)
  return (
    room && {
      name: 'read a summary',
      by: random.pick(model.devices).label,
      method: 'GET',
      path: `/v1/room_summary/${room.label}`,
    }
  )
}

const mutual: MakeAction = (model, random) => ({
  name: 'mutual rooms',
  by: random.pick(model.devices).label,
  method: 'GET',
  path: `/v1/mutual_rooms?user_id=${encodeURIComponent(random.pick(model.users))}`,
})

export const directoryActions: Weighted = [
  [3, setAlias],
  [2, aliases],
  [1, deleteAlias],
  [3, visibility],
  [2, publicRooms],
  [1, searchUsers],
  [2, summary],
  [1, mutual],
]
