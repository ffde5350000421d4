/** The text of a file that someone wrote. */

import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** The largest configuration of a real deployment has some 30 KiB. */
const MAX_FILE_BYTES = 2 ** 20
const CODES: Readonly<Record<string, string>> = {
  ENOENT: 'no such file',
  EACCES: 'not readable: permission denied',
  EPERM: 'not readable: permission denied',
  EISDIR: 'is a directory, not a file',
  ENOTDIR: 'no such file: a part of its path is not a directory',
  ELOOP: 'too many symbolic links',
  ENAMETOOLONG: 'the file name is too long',
}
/** Why a file could not be read, in words. */
export const reason = (error: unknown): string => {
  const { code, message } = error as NodeJS.ErrnoException
  return (code !== undefined && CODES[code]) || `not readable: ${message}`
}

/** The text of a file; pipes are read too (`--routes <(…)`), devices are not. */
export const readText = (
  file: string,
): { readonly text: string } | { readonly mistake: string; readonly isMissing?: boolean } => {
  let fd: number | undefined
  try {
    fd = openSync(file, 'r')
    const stat = fstatSync(fd)
    if (stat.isDirectory()) return { mistake: CODES.EISDIR! }
    if (!stat.isFile() && !stat.isFIFO()) return { mistake: 'is a device, not a file' }
    const buffer = Buffer.alloc(MAX_FILE_BYTES + 1)
    let length = 0
    for (let read = -1; read !== 0 && length < buffer.length; length += read)
      read = readSync(fd, buffer, length, buffer.length - length, null)
    return decodeText(buffer.subarray(0, length))
  } catch (error) {
    return { mistake: reason(error), isMissing: (error as NodeJS.ErrnoException).code === 'ENOENT' }
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/** Text of bytes that should be UTF-8. */
export const decodeText = (bytes: Uint8Array): { readonly text: string } | { readonly mistake: string } => {
  if (bytes.length > MAX_FILE_BYTES) return { mistake: 'larger than 1 MiB, which no configuration is' }
  const zero = bytes.indexOf(0)
  if (zero !== -1) return { mistake: `not a text file: byte ${zero + 1} is NUL` }
  try {
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(bytes) }
  } catch {
    return { mistake: 'not UTF-8' }
  }
}
