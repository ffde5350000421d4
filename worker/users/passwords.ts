/** Passwords: hashed with bcrypt as Synapse does it, so that either server knows the other's. */

export interface Passwords {
  readonly hash: (password: string) => Promise<string>
  /** With null (a user who has no password, or is not there) it takes as long, and is false. */
  readonly verify: (password: string, hash: string | null) => Promise<boolean>
}

export interface PasswordsOptions {
  /** `bcrypt_rounds`: 4 to 31. */
  readonly rounds: number
  /** `password_config.pepper`. */
  readonly pepper: string
  /** Hashing takes a core for a quarter of a second, and one of the four threads that also look up names and read files. */
  readonly atOnce?: number
}

/** bcrypt looks at no more. */
const MAX_BYTES = 72
/**
 * In UTF-16 code units: more than 72 bytes come of them. To normalise a megabyte of combining marks takes minutes, as their
 * order is found by insertion.
 */
const MAX_LENGTH = 1024
/** The salt and the hash of nothing: no password is known that it would be the hash of. */
const NOBODYS = `${'a'.repeat(21)}u${'a'.repeat(31)}`

export function makePasswords({ rounds, pepper, atOnce = 2 }: PasswordsOptions): Passwords {
  const nobodys = `$2b$${String(rounds).padStart(2, '0')}$${NOBODYS}`
  const bytesOf = (password: string): Buffer =>
    Buffer.from(password.slice(0, MAX_LENGTH).normalize('NFKC') + pepper).subarray(0, MAX_BYTES)

  const waiting: (() => void)[] = []
  let running = 0
  async function inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (running < atOnce) running++
    else await new Promise<void>((resolve) => waiting.push(resolve))
    try {
      return await work()
    } finally {
      // The place is handed on, so that nobody who comes later takes it.
      const next = waiting.shift()
      if (next === undefined) running--
      else next()
    }
  }

  // When it is first needed: most processes never see a password.
  const bcrypt = async () => (await import('bcrypt')).default

  return {
    hash: (password) => inTurn(async () => (await bcrypt()).hash(bytesOf(password), rounds)),
    verify: (password, hash) =>
      inTurn(async () => {
        const isRight = await (await bcrypt()).compare(bytesOf(password), hash || nobodys)
        return isRight && Boolean(hash)
      }),
  }
}
