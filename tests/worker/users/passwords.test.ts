import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkPassword } from '../../../worker/users/password-policy.ts'
import { makePasswords } from '../../../worker/users/passwords.ts'

const passwords = makePasswords({ rounds: 4, pepper: 'pepper' })

test('the password that was hashed is the right one, and no other', async () => {
  const hash = await passwords.hash('secret')
  assert.match(hash, /^\$2b\$04\$/)
  assert.equal(await passwords.verify('secret', hash), true)
  assert.equal(await passwords.verify('Secret', hash), false)
  assert.equal(await passwords.verify('', hash), false)
  assert.equal(await makePasswords({ rounds: 4, pepper: '' }).verify('secret', hash), false)
  assert.equal(await makePasswords({ rounds: 4, pepper: '' }).verify('secretpepper', hash), true)
})

test('characters that look alike are the same', async () => {
  assert.equal(await passwords.verify('ﬁancé', await passwords.hash('fiance\u0301')), true)
})

test('72 bytes count, the pepper among them', async () => {
  const long = 'x'.repeat(70)
  const hash = await passwords.hash(`${long}ab`)
  assert.equal(await passwords.verify(`${long}abc`, hash), true)
  assert.equal(await passwords.verify(`${long}ax`, hash), false)
})

test('a password that takes long to normalise takes no longer', async () => {
  const marks = '\u0301\u0323'.repeat(500_000)
  const start = performance.now()
  const hash = await passwords.hash(`a${marks}`)
  assert.equal(await passwords.verify(`a${marks}`, hash), true)
  assert.equal(await passwords.verify(`b${marks}`, hash), false)
  assert.ok(performance.now() - start < 2000)
})

test('who has no password is not let in, and is told no sooner', async () => {
  const slow = makePasswords({ rounds: 10, pepper: '' })
  const hash = await slow.hash('secret')
  const time = async (stored: string | null) => {
    const start = performance.now()
    assert.equal(await slow.verify('wrong', stored), false)
    return performance.now() - start
  }
  const least = async (stored: string | null) => Math.min(await time(stored), await time(stored), await time(stored))
  const [known, nobody] = [await least(hash), await least(null)]
  assert.ok(nobody > known / 2, `${nobody} ms, where it takes ${known} ms with a hash`)
  assert.equal(await slow.verify('', ''), false)
})

test('many at once all have their turn', async () => {
  const hash = await passwords.hash('secret')
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => passwords.verify(i % 2 === 0 ? 'secret' : 'wrong', hash)),
  )
  assert.deepEqual(
    answers,
    Array.from({ length: 20 }, (_, i) => i % 2 === 0),
  )
})

test('a new password has what the policy asks for', () => {
  const policy = {
    enabled: true,
    minimumLength: 3,
    requireDigit: true,
    requireSymbol: true,
    requireLowercase: true,
    requireUppercase: true,
  }
  const errcodeOf = (password: string, enabled = true) => {
    try {
      checkPassword(password, { ...policy, enabled })
      return undefined
    } catch (error) {
      return (error as { errcode: string }).errcode
    }
  }
  assert.equal(errcodeOf('😀😀'), 'M_PASSWORD_TOO_SHORT')
  assert.equal(errcodeOf('aB!'), 'M_PASSWORD_NO_DIGIT')
  assert.equal(errcodeOf('aB1'), 'M_PASSWORD_NO_SYMBOL')
  assert.equal(errcodeOf('ab1!'), 'M_PASSWORD_NO_UPPERCASE')
  assert.equal(errcodeOf('AB1!'), 'M_PASSWORD_NO_LOWERCASE')
  assert.equal(errcodeOf('aB1!'), undefined)
  assert.equal(errcodeOf('', false), undefined)
})
