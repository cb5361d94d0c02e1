import { TesseraError } from '#contracts';

export interface S3Place {
  bucket: string;
  /** Empty, or with its slash at the end. */
  prefix: string;
  region: string;
  /** Absent: AWS. */
  endpoint: string | undefined;
}

/** `s3://BUCKET/PREFIX?endpoint=http://minio:9000&region=eu-central-1`. Throws `configuration`. */
export function parseS3Url(text: string): S3Place {
  const url = new URL(text);
  const { endpoint, region = 'us-east-1', ...rest } = Object.fromEntries(url.searchParams) as Record<string, string>;
  const wrong = (fault: string): TesseraError => new TesseraError('configuration', `TESSERA_BLOBS_URL: ${fault}`);
  if (url.hostname === '') throw wrong('names no bucket; write s3://BUCKET');
  if (url.username || url.password)
    throw wrong('holds credentials; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY instead');
  const unknown = Object.keys(rest);
  if (unknown.length > 0) throw wrong(`${unknown.join(', ')}: no such option; there are endpoint and region`);
  if (endpoint !== undefined && !/^https?:\/\/[^/]+/.test(endpoint)) throw wrong('endpoint: is not an http(s) URL');
  const prefix = decodeURIComponent(url.pathname).replace(/^\/+|\/+$/g, '');
  return { bucket: url.hostname, prefix: prefix === '' ? '' : `${prefix}/`, region, endpoint };
}
