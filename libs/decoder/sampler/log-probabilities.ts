export interface RankedToken {
  token: number;
  logprob: number;
}

/** Nats below the likeliest from where on tokens are not summed: a vocabulary of them weighs a millionth, and to sum all takes most of the time. */
const NEGLIGIBLE = 25;

/** log-softmax of one token and of the `top` likeliest, likeliest first (the lower id first among equals). */
export function logProbabilities(
  logits: Float32Array,
  token: number,
  top: number,
): { logprob: number; top: RankedToken[] } {
  const ranked: number[] = [];
  let max = -Infinity;
  let worst = -Infinity;
  for (let i = 0; i < logits.length; i++) {
    const x = logits[i]!;
    if (x > max) max = x;
    if (top === 0 || (ranked.length === top && x <= worst)) continue;
    let at = ranked.length;
    while (at > 0 && logits[ranked[at - 1]!]! < x) at--;
    ranked.splice(at, 0, i);
    if (ranked.length > top) ranked.pop();
    worst = logits[ranked.at(-1)!]!;
  }
  let sum = 0;
  for (let i = 0; i < logits.length; i++) {
    const depth = logits[i]! - max;
    if (!(depth < -NEGLIGIBLE)) sum += Math.exp(depth);
  }
  const normaliser = max + Math.log(sum);
  return {
    logprob: logits[token]! - normaliser,
    top: ranked.map((id) => ({ token: id, logprob: logits[id]! - normaliser })),
  };
}
