import type { TokenLogprob } from '#contracts';
import type { JournalEvent } from '#jobs';

export interface Delta {
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
  let begun = false;
  for await (const { event } of events) {
    if (event.type === 'state' && event.state === 'queued' && begun) skip = sent;
    begun = true;
    if (event.type !== 'token') continue;
    const text = event.text.slice(Math.min(skip, event.text.length));
    skip -= event.text.length - text.length;
    sent += text.length;
    if (text !== '') yield { text, ...(event.logprob ? { logprob: event.logprob } : {}) };
  }
}
