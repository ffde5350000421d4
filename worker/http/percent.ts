const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * `text` with its percent-escapes decoded as UTF-8; what is no escape (`%zz`) stays, as in Python's and Twisted's readers.
 * Undefined: the bytes are not UTF-8. `text` is ASCII.
 */
export function percentDecode(text: string): string | undefined {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    return decodeSlowly(text)
  }
}

function decodeSlowly(text: string): string | undefined {
  const bytes = text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  try {
    return utf8.decode(Buffer.from(bytes, 'latin1'))
  } catch {
    return undefined
  }
}
