import type { KeyId, ServerName } from '../../../shared/matrix/ids.ts'
import type { JsonObject } from '../../../shared/matrix/json/value.ts'
import type { Result } from '../../../shared/matrix/result.ts'
import { roomVersions } from '../../../shared/matrix/room-version.ts'
import { publicKeyOf, readSigningKey } from '../../../shared/matrix/signing/ed25519.ts'
import type { KnownKey } from '../../../shared/matrix/signing/server-keys.ts'
import { signEvent } from '../../../shared/matrix/signing/sign.ts'
import { type VerifiedEvent, verifyEvent, verifyEvents } from '../../../shared/matrix/signing/verify.ts'
import { digest } from '../digest.ts'
import { message, ofSize } from '../events.ts'
import type { Row, Work } from '../row.ts'

const group = 'signatures of events of 1 KiB'
const version = roomVersions['10']
const server = 'server7.example' as ServerName
const keyId = 'ed25519:a_Bc' as KeyId
const seed = Buffer.alloc(32, 7).toString('base64')

const signingKey = () => {
  const key = readSigningKey(keyId, seed)
  if (!key.ok) throw new Error(key.reason)
  return key.value
}

const unsigned = (count: number): readonly JsonObject[] =>
  ofSize(message, 1024, count).map(({ hashes: _, signatures: __, ...json }) => json)

/** `verify`: how many of the events are what was signed. */
function verification(count: number, verify: (events: readonly JsonObject[], keyOf: () => KnownKey) => unknown): Work {
  const key = signingKey()
  const events = unsigned(count).map((json) => signEvent(json, version, server, key))
  const known: KnownKey = { ...key.verifyKey, validUntilTs: Number.MAX_SAFE_INTEGER }
  return {
    items: count,
    once: () => verify(events, () => known),
    answer: events.filter((json) => isGood(verifyEvent(json, version, () => known))).length,
    task: 'verify_events',
    input: { version: version.id, events, server, keyId, publicKey: publicKeyOf(key.verifyKey) },
  }
}

const isGood = (result: Result<VerifiedEvent>): boolean => result.ok && !result.value.isRedacted

const inBatch = (): Work =>
  verification(100, async (events, keyOf) => (await verifyEvents(events, version, keyOf)).filter(isGood).length)

export const signatureRows: readonly Row[] = [
  {
    group,
    name: 'hash and sign',
    prepare() {
      const key = signingKey()
      const events = unsigned(64)
      const sign = (json: JsonObject) => signEvent(json, version, server, key)
      const signatureOf = ({ hashes, signatures }: JsonObject): string =>
        `${(hashes as JsonObject).sha256} ${((signatures as JsonObject)[server] as JsonObject)[keyId]}`
      return {
        items: events.length,
        once() {
          let signatures = 0
          for (const json of events) if (sign(json).signatures !== undefined) signatures++
          return signatures
        },
        answer: digest(events.map((json) => signatureOf(sign(json)))),
        task: 'sign_events',
        input: { version: version.id, events, server, keyId, seed },
      }
    },
  },
  {
    group,
    name: 'verify signature and hash',
    prepare: () =>
      verification(64, (events, keyOf) => {
        let good = 0
        for (const json of events) if (isGood(verifyEvent(json, version, keyOf))) good++
        return good
      }),
  },
  { group, name: 'the same, 100 at once, all threads', prepare: inBatch },
  { group, name: 'the same, 100 at once, of the main thread', clock: 'thread', prepare: inBatch },
]
