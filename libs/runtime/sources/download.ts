/** What a remote source needs to know. */
export interface Download {
  /** Where the bytes go; a partial file there may be continued. */
  destination: string;
  /** How long the finished file is. */
  bytes: number;
  signal?: AbortSignal;
  onProgress?: (received: number) => void;
  hub?: HubOptions;
}

export interface HubOptions {
  /** Without a slash at the end; default {@link DEFAULT_HUB}. */
  url?: string;
  token?: string;
}
