/** https://platform.openai.com/docs/api-reference/batch/object */
export type BatchStatus =
  'validating' | 'failed' | 'in_progress' | 'finalizing' | 'completed' | 'expired' | 'cancelling' | 'cancelled';

/** What is wrong with the input as a whole; `line` counts from 1. */
export interface BatchFault {
  code: string;
  message: string;
  param: string | null;
  line: number | null;
}

export interface BatchRecord {
  id: string;
  tenant: string;
  endpoint: string;
  inputFile: string;
  completionWindow: string;
  metadata: Record<string, string> | null;
  status: BatchStatus;
  /** Unix time in seconds at which each status began. */
  times: Partial<Record<BatchStatus, number>>;
  faults: BatchFault[];
  total: number;
  completed: number;
  failed: number;
  outputFile: string | null;
  errorFile: string | null;
  createdAt: Date;
  expiresAt: Date;
}

/** What came of a line: an answer of the endpoint (right below 400), or the reason why it was never asked. */
export type BatchOutcome = { status: number; body: unknown } | { code: string; message: string };

export interface BatchLine {
  line: number;
  customId: string;
  /** Place in the input: first byte, and the first one behind the line. */
  start: number;
  end: number;
  job: string;
}

export interface BatchRow {
  id: string;
  tenant: string;
  endpoint: string;
  input_file: string;
  completion_window: string;
  metadata: Record<string, string> | null;
  status: BatchStatus;
  times: BatchRecord['times'];
  faults: BatchFault[];
  total: number;
  completed: number;
  failed: number;
  output_file: string | null;
  error_file: string | null;
  created_at: Date;
  expires_at: Date;
}

export interface LineRow {
  line: number;
  custom_id: string;
  start_byte: string;
  end_byte: string;
  job: string;
  outcome: BatchOutcome | null;
}

export const toBatch = (row: BatchRow): BatchRecord => ({
  id: row.id,
  tenant: row.tenant,
  endpoint: row.endpoint,
  inputFile: row.input_file,
  completionWindow: row.completion_window,
  metadata: row.metadata,
  status: row.status,
  times: row.times,
  faults: row.faults,
  total: row.total,
  completed: row.completed,
  failed: row.failed,
  outputFile: row.output_file,
  errorFile: row.error_file,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
});

export const toLine = (row: LineRow): BatchLine => ({
  line: row.line,
  customId: row.custom_id,
  start: Number(row.start_byte),
  end: Number(row.end_byte),
  job: row.job,
});
