/**
 * A double as Python prints it, which is what hashes of events with floats cover in room versions 1 to 5: the fewest digits
 * that read back the same, with an exponent of two or more digits from 1e+16 up and below 1e-04, else with a fraction.
 */
export function pythonFloat(value: number): string {
  const sign = value < 0 || Object.is(value, -0) ? '-' : ''
  const [mantissa, written] = Math.abs(value).toExponential().split('e') as [string, string]
  const exponent = Number(written)
  if (exponent < -4 || exponent >= 16)
    return `${sign}${mantissa}e${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`
  const digits = mantissa.replace('.', '')
  if (exponent < 0) return `${sign}0.${'0'.repeat(-exponent - 1)}${digits}`
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, '0')
  return `${sign}${whole}.${digits.slice(exponent + 1) || '0'}`
}
