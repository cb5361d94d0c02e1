import type { Call } from '#rpc';
import type { Callers } from '../identity/callers.js';

/** The tenant of a call, by the key in its metadata. Throws `unauthorized`, `forbidden` or `rate_limited`. */
export async function tenantOf(callers: Callers, call: Call, needed: 'read' | 'write'): Promise<string> {
  const identity = await callers.identify(call.header('authorization'), call.header('x-api-key'));
  callers.permit(identity, needed);
  if (needed === 'write') callers.count(identity.keyId ?? call.peer.replace(/:\d+$/, ''));
  return identity.tenant;
}
