/** A request to the API: `body` as JSON, or as the form that it is; `key` is a tenant's. */
export function request(
  method: string,
  body?: FormData | object,
  headers: Record<string, string> = {},
  key?: string,
): RequestInit {
  const form = body instanceof FormData;
  return {
    method,
    headers: {
      ...(key ? { authorization: `Bearer ${key}` } : {}),
      ...(body && !form ? { 'content-type': 'application/json' } : {}),
      ...headers,
    },
    ...(body ? { body: form ? body : JSON.stringify(body) } : {}),
  };
}

/** What a response says, in the form that the test expects. */
export const json = async <T = Record<string, string>>(response: Response | Promise<Response>): Promise<T> =>
  (await (await response).json()) as T;

interface ToldError {
  type: string;
  code: string;
  message: string;
  param: string | null;
}

/** The status of a response that is an error, and what the error says. */
export const errorOf = async (response: Response) => ({
  status: response.status,
  ...(await json<{ error: ToldError }>(response)).error,
});
