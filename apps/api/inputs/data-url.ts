import { TesseraError } from '#contracts';

/** RFC 2397. Base64 only: that is what clients send. */
export function parseDataUrl(url: string, param?: string): { mimeType: string; bytes: Buffer } {
  const comma = url.indexOf(',');
  const [mimeType = '', ...parameters] = url.slice('data:'.length, comma).split(';');
  const data = url.slice(comma + 1);
  const plain = data.replace(/%([0-9a-f]{2})/gi, (_escape, hex: string) => String.fromCharCode(parseInt(hex, 16)));
  if (comma < 0 || parameters.at(-1)?.toLowerCase() !== 'base64' || !/^[A-Za-z0-9+/_=\s-]+$/.test(plain))
    throw new TesseraError('invalid_request', `${param ?? 'url'}: a data URL looks like data:image/png;base64,…`, {
      param,
    });
  return { mimeType: mimeType.toLowerCase() || 'application/octet-stream', bytes: Buffer.from(plain, 'base64') };
}
