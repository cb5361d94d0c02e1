// Original file: proto/tessera/v1/decoder.proto


export interface Pool {
  'totalPages'?: (number);
  'freePages'?: (number);
  'pinnedPages'?: (number);
  'runs'?: (number);
  'evictions'?: (number);
}

export interface Pool__Output {
  'totalPages': (number);
  'freePages': (number);
  'pinnedPages': (number);
  'runs': (number);
  'evictions': (number);
}
