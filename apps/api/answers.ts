import type { TokenLogprob } from '#contracts';
import type { JournalEvent } from '#jobs';

export interface Delta {
  /** Empty for a token that is a part of a character, when its `logprob` was asked for. */
  text: string;
  logprob?: TokenLogprob;
}

/**
 * The text of an answer as it comes. A job that had to start again (its worker died) tells its tokens again from the first:
 * what the client has already is left out.
 */
export async function* deltas(events: AsyncIterable<JournalEvent>): AsyncGenerator<Delta> {
  let sent = 0;
  let skip = 0;
  let sentLogprobs = 0;
  let skipLogprobs = 0;
  let begun = false;
  for await (const { event } of events) {
    if (event.type === 'state' && event.state === 'queued' && begun) [skip, skipLogprobs] = [sent, sentLogprobs];
    begun = true;
    if (event.type !== 'token') continue;
    const text = event.text.slice(Math.min(skip, event.text.length));
    skip -= event.text.length - text.length;
    sent += text.length;
    const logprob = skipLogprobs > 0 ? undefined : event.logprob;
    if (logprob) sentLogprobs++;
    else if (event.logprob) skipLogprobs--;
    if (text !== '' || logprob) yield { text, ...(logprob ? { logprob } : {}) };
  }
}
