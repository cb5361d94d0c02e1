import fs from 'node:fs';
import type { ArgumentsHost } from '@nestjs/common';
import { afterEach, expect, test, vi } from 'vitest';
import { ErrorFilter } from './errors.js';

afterEach(() => vi.restoreAllMocks());

test('a failure of ours is logged with its path, without the signature of its link', () => {
  let written = '';
  vi.spyOn(fs, 'writeSync').mockImplementation((_file: number, text: unknown) => {
    written += String(text);
    return Buffer.byteLength(String(text));
  });
  const request = { id: 'request-1', url: '/v1/media/a/frame?at=1&expires=2&signature=secret' };
  const http = { getRequest: () => request, getResponse: () => ({ sent: true }) };
  new ErrorFilter().catch(new Error('lost'), { switchToHttp: () => http } as unknown as ArgumentsHost);
  expect(written).toContain('"path":"/v1/media/a/frame"');
  expect(written).not.toContain('signature');
});
