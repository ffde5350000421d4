/** Unpadded base64: appendices, "Unpadded Base64". */

export const encodeBase64 = (bytes: Buffer): string => {
  const padded = bytes.toString('base64')
  const end = padded.indexOf('=')
  return end === -1 ? padded : padded.slice(0, end)
}

/**
 * The bytes of base64 in either alphabet, padded or not, or undefined where it is not that. Lenient as every Synapse is:
 * a signature that one server can read and another cannot would split rooms. Bits beyond the last byte are not looked at.
 */
export function decodeBase64(text: string): Buffer | undefined {
  const digits = PADDED.exec(text)?.[1]
  return digits === undefined || digits.length % 4 === 1 ? undefined : Buffer.from(digits, 'base64')
}

const PADDED = /^([A-Za-z0-9+/_-]*)=*$/
