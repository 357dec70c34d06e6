/**
 * The first row of a query, or undefined: a query without rows has a first row all the same, with nothing in it.
 *
 * @template T
 * @param {ArrayLike<T>} rows
 * @returns {T | undefined}
 */
export const first = (rows) => (rows.length > 0 ? rows[0] : undefined);
