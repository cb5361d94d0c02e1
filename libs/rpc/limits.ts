/** A request that carries the timeline of a long film, or the visual tokens of a thousand frames. */
export const MAX_MESSAGE_BYTES = 64 * 2 ** 20;
