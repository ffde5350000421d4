/** Every operation of the specification called at a homeserver, and what came of each. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import type { Flavour } from '../../harness/fleet-processes.ts'
import { type Homeserver, homeserver } from '../../harness/homeserver.ts'
import { startMailReceiver } from '../../harness/mail-receiver.ts'
import type { TestPostgres } from '../../harness/postgres.ts'
import { accounts } from './accounts.ts'
import { devicesAndKeys } from './devices-and-keys.ts'
import { reading } from './reading.ts'
import { rooms } from './rooms.ts'
import { userData } from './user-data.ts'
import { bridgeUser, registerAdmin, startOtherServers, type World } from './world.ts'

export interface CallResult {
  readonly operation: string
  /** What went wrong. */
  readonly problem?: string
}

/** A writer for each stream: what somebody wrote is read where it was written. */
const WRITERS = ['typing', 'to_device', 'account_data', 'receipts', 'presence', 'push_rules', 'device_lists'] as const

const socketOf = ({ processes }: Homeserver, name: string): string => {
  const place = processes.get(name)!.place
  return 'path' in place ? `unix:${place.path}` : `http://127.0.0.1:${place.port}`
}

/** In the order of the calls. */
export const callAll = async (
  t: TestContext,
  postgres: TestPostgres,
  flavour: Flavour = 'plexus',
  onStart: (hs: Homeserver) => void = () => {},
): Promise<readonly CallResult[]> => {
  const folder = mkdtempSync(join(tmpdir(), 'op-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const mail = await startMailReceiver(t)
  const others = await startOtherServers(t, folder)
  const hs = await homeserver(t, postgres, {
    flavour,
    workers: ['sync', 'generic', 'persister', ...WRITERS],
    settings: {
      email: { smtp_host: '127.0.0.1', smtp_port: mail.port, notif_from: 'The server <server@mail.test>' },
      account_threepid_delegates: { msisdn: `http://127.0.0.1:${others.port}` },
      ip_range_whitelist: ['127.0.0.1'],
      app_service_config_files: [others.registration],
      admin_contact: 'mailto:admin@hs.test',
      turn_uris: ['turn:turn.test'],
      turn_shared_secret: 'turn',
      room_list_publication_rules: [{ action: 'allow' }],
      login_via_existing_session: { enabled: true },
      user_directory: { search_all_users: true },
      experimental_features: { msc4323_enabled: true },
    },
  })
  onStart(hs)
  const { url, serverName } = hs
  const [alice, bob] = await hs.register('alice', 'bob')
  const room = await alice.createRoom({ preset: 'public_chat', members: [bob] })
  const results: CallResult[] = []
  const step: World['step'] = async (operation, run) => {
    try {
      const value = await run()
      results.push({ operation })
      return value
    } catch (error) {
      results.push({ operation, problem: (error as Error).message })
      return undefined
    }
  }
  const admin = await registerAdmin(url, socketOf(hs, 'main'), hs.folder, 'administrator')
  const world: World = { url, serverName, alice, bob, admin, bridge: bridgeUser(url, serverName), room, mail, step }
  for (const calls of [accounts, devicesAndKeys, rooms, reading, userData]) await calls(world)
  return results
}
