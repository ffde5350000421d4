/** Whether the text has more than `max` code points. One that is far too long costs no more than one that is not. */
export const isLongerThan = (text: string, max: number): boolean =>
  text.length > 2 * max || (text.length > max && [...text].length > max)
