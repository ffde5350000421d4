/** Numbers kept in order. They come nearly in order, so that the end is where most of them go. */

/** Index of the first number that is not less than `value`. */
function placeOf(numbers: readonly number[], value: number): number {
  let [from, to] = [0, numbers.length]
  if (to === 0 || numbers[to - 1]! < value) return to
  while (from < to) {
    const middle = (from + to) >>> 1
    if (numbers[middle]! < value) from = middle + 1
    else to = middle
  }
  return from
}

export function insert(numbers: number[], value: number): void {
  numbers.splice(placeOf(numbers, value), 0, value)
}

/** Removes one `value`, if there is one. */
export function remove(numbers: number[], value: number): void {
  const at = placeOf(numbers, value)
  if (numbers[at] === value) numbers.splice(at, 1)
}
