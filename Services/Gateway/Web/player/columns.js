/**
 * Columns in which so many pictures of 16 by 9 fill a screen of that shape best.
 * @param {number} count
 */
export function columnsFor(count) {
  return Math.max(1, Math.ceil(Math.sqrt(count)));
}
