import { expect, test } from 'vitest';
import { isPublicAddress } from './address.js';
import { checkUrl } from './rules.js';

/** Ways in that have worked somewhere: each must be refused before any connection is made. */
const HOSTILE = [
  // schemes
  'file:///etc/passwd',
  'ftp://example.com/a',
  'gopher://example.com:80/_x',
  'dict://example.com:80/d',
  'data:image/png;base64,AAAA',
  'javascript:alert(1)',
  'ws://example.com/',
  'blob:https://example.com/x',
  'about:blank',
  'ldap://example.com/',
  'jar:https://example.com/x.zip!/a',
  'not a url',
  '//example.com/a',
  'http://',
  `http://example.com/${'a'.repeat(9000)}`,
  // credentials and ports
  'http://user@example.com/',
  'http://user:secret@example.com/',
  'http://example.com@127.0.0.1/',
  'http://example.com:22/',
  'http://example.com:25/',
  'http://example.com:6379/',
  'http://example.com:5432/',
  'http://example.com:11211/',
  'https://example.com:9200/',
  // names of the inside
  'http://localhost/',
  'http://LOCALHOST/',
  'http://localhost./',
  'http://sub.localhost/',
  'http://metadata/',
  'http://metadata.google.internal/computeMetadata/v1/',
  'http://printer.local/',
  'http://router.lan/',
  'http://nas.home.arpa/',
  'http://wiki.corp/',
  'http://intranet/',
  'http://abc.onion/',
  // IPv4, also in its odd spellings
  'http://127.0.0.1/',
  'http://127.1/',
  'http://127.0.0.1.:80/',
  'http://2130706433/',
  'http://0x7f000001/',
  'http://0x7f.0.0.1/',
  'http://0177.0.0.1/',
  'http://017700000001/',
  'http://127.000.000.001/',
  'http://①②⑦.⓪.⓪.①/',
  'http://127。0。0。1/',
  'http://%31%32%37.0.0.1/',
  'http://0.0.0.0/',
  'http://0/',
  'http://0.1.2.3/',
  'http://10.0.0.1/',
  'http://10.255.255.255/',
  'http://100.64.0.1/',
  'http://100.127.255.254/',
  'http://169.254.169.254/latest/meta-data/',
  'http://0xa9fea9fe/',
  'http://2852039166/',
  'http://172.16.0.1/',
  'http://172.31.255.255/',
  'http://192.0.0.192/',
  'http://192.0.2.1/',
  'http://192.88.99.1/',
  'http://192.168.1.1/',
  'http://3232235777/',
  'http://198.18.0.1/',
  'http://198.51.100.7/',
  'http://203.0.113.9/',
  'http://224.0.0.1/',
  'http://239.255.255.255/',
  'http://240.0.0.1/',
  'http://255.255.255.255/',
  // IPv6
  'http://[::]/',
  'http://[::1]/',
  'http://[0:0:0:0:0:0:0:1]/',
  'http://[::ffff:127.0.0.1]/',
  'http://[::ffff:7f00:1]/',
  'http://[::ffff:8.8.8.8]/',
  'http://[::ffff:0:127.0.0.1]/',
  'http://[::127.0.0.1]/',
  'http://[64:ff9b::7f00:1]/',
  'http://[64:ff9b::8.8.8.8]/',
  'http://[64:ff9b:1::1]/',
  'http://[100::1]/',
  'http://[2001::1]/',
  'http://[2001:db8::1]/',
  'http://[2002:7f00:1::]/',
  'http://[3fff::1]/',
  'http://[5f00::1]/',
  'http://[fc00::1]/',
  'http://[fd12:3456::1]/',
  'http://[fe80::1]/',
  'http://[fec0::1]/',
  'http://[ff02::1]/',
];

test.each(HOSTILE)('refused: %s', (url) => {
  expect(() => checkUrl(url)).toThrow(expect.objectContaining({ code: 'url_not_allowed' }) as Error);
});

test.each([
  'https://example.com/a.jpg',
  'http://example.com:8080/',
  'https://8.8.8.8/',
  'https://[2606:4700:4700::1111]/',
  'https://bücher.example/bild.png',
  'http://100.128.0.1/',
  'http://172.32.0.1/',
])('allowed: %s', (url) => expect(checkUrl(url)).toBeInstanceOf(URL));

test('a list of domains admits them and what is under them, nothing that looks like them', () => {
  const rules = { domains: ['example.org'] };
  expect(checkUrl('https://example.org/', rules).host).toBe('example.org');
  expect(checkUrl('https://img.EXAMPLE.org/', rules).host).toBe('img.example.org');
  for (const host of ['example.com', 'badexample.org', 'example.org.evil.com'])
    expect(() => checkUrl(`https://${host}/`, rules)).toThrow(/not one of the allowed domains/);
});

test('one’s own machine may be allowed, other schemes may not', () => {
  expect(checkUrl('http://localhost:3000/a', { allowPrivate: true }).port).toBe('3000');
  expect(() => checkUrl('file:///etc/passwd', { allowPrivate: true })).toThrow();
});

test('what is not an address is not a public address', () => {
  for (const text of ['', 'example.com', '1.2.3', '::g', 'fe80::1%eth0', '1.2.3.4.5'])
    expect(isPublicAddress(text)).toBe(false);
});
