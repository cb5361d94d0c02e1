import { isIP } from 'node:net';
import { TesseraError } from '#contracts';
import { isPublicAddress } from './address.js';

/** Which URLs may be fetched. */
export interface UrlRules {
  /** Loopback and private addresses, on any port: for one's own machine only. */
  allowPrivate?: boolean;
  /** Domains that may be fetched from, with their subdomains; empty or absent: any. */
  domains?: readonly string[];
  ports?: readonly number[];
  schemes?: readonly string[];
}

const DEFAULT_PORTS = [80, 443, 8080, 8443];
const DEFAULT_SCHEMES = ['http:', 'https:'];
/** Names that mean the inside of a network whatever DNS says (RFC 6761, 6762, 8375; ICANN's private-use `internal`). */
const INSIDE = ['localhost', 'local', 'internal', 'intranet', 'lan', 'home.arpa', 'corp', 'onion', 'test', 'invalid'];

const under = (host: string, domain: string) => host === domain || host.endsWith(`.${domain}`);

function refuse(why: string): never {
  throw new TesseraError('url_not_allowed', `The URL is not allowed: ${why}.`);
}

/** The host of a URL as an address or a plain name: without brackets and without the root's dot. */
export function hostOf(url: URL): string {
  return url.hostname
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')
    .toLowerCase();
}

/** Everything about a URL that can be judged before DNS. Throws `url_not_allowed`. Returns the parsed URL. */
export function checkUrl(text: string, rules: UrlRules = {}): URL {
  if (text.length > 8192) refuse('it is longer than 8192 characters');
  if (!URL.canParse(text)) refuse('it cannot be parsed');
  const url = new URL(text);
  if (!(rules.schemes ?? DEFAULT_SCHEMES).includes(url.protocol))
    refuse(`the scheme ${url.protocol}// may not be fetched`);
  if (url.username || url.password) refuse('it holds a user name or password');
  const host = hostOf(url);
  if (host === '') refuse('it names no host');
  if (rules.domains?.length && !rules.domains.some((domain) => under(host, domain.toLowerCase())))
    refuse(`${host} is not one of the allowed domains`);
  if (rules.allowPrivate) return url;

  const port = url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port);
  if (!(rules.ports ?? DEFAULT_PORTS).includes(port)) refuse(`port ${port} may not be used`);
  if (isIP(host) ? !isPublicAddress(host) : INSIDE.some((name) => under(host, name)) || !host.includes('.'))
    refuse(`${host} is not a public address`);
  return url;
}
