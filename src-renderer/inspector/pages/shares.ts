/** `total` cells shared out by `counts`: each that is not 0 gets at least one, and together they are `total` where that is possible. */
export function sharesOf(counts: readonly number[], total: number): readonly number[] {
  const sum = counts.reduce((all, count) => all + count, 0);
  if (sum === 0) return counts.map(() => 0);
  const shares = counts.map((count) => (count === 0 ? 0 : Math.max(1, Math.round((count / sum) * total))));
  // What rounding and the least shares took too much or too little is the largest one's.
  const over = shares.reduce((all, share) => all + share, 0) - total;
  const largest = shares.indexOf(Math.max(...shares));
  return shares.map((share, index) => (index === largest ? Math.max(1, share - over) : share));
}
