/** The history of our tables, oldest first. Never edit an entry that has been released: add one. */
export const MIGRATIONS: readonly string[] = [
  `
  -- Media that somebody brought, by the hash of their bytes. The same bytes brought by two tenants are two rows and one blob.
  create table tessera.media (
    tenant text not null,
    id char(64) not null,
    name text not null,
    kind text not null,
    mime_type text not null,
    bytes bigint not null,
    created_at timestamptz not null default now(),
    primary key (tenant, id)
  );
  create index media_by_id on tessera.media (id);

  -- Results that are a pure function of their key (content hash, pack, options).
  create table tessera.artifact (
    key text primary key,
    value jsonb not null,
    created_at timestamptz not null default now()
  );

  -- Who asked for which job; what the job did is in the queue.
  create table tessera.request (
    id text primary key,
    tenant text not null,
    kind text not null,
    idempotency_key text,
    fingerprint text,
    created_at timestamptz not null default now(),
    unique (tenant, idempotency_key)
  );
  create index request_by_tenant on tessera.request (tenant, created_at desc);

  -- Only hashes of keys are kept.
  create table tessera.api_key (
    id text primary key,
    hash char(64) not null unique,
    name text not null,
    tenant text not null,
    scopes text[] not null,
    created_at timestamptz not null default now(),
    revoked_at timestamptz
  );
  `,
  `
  -- What the form of a request's answer depends on, for when its result is asked for later.
  alter table tessera.request add column options jsonb not null default '{}';

  -- Media that came with a request go with its result; media that were brought to stay have no end.
  alter table tessera.media add column expires_at timestamptz;
  create index media_by_expiry on tessera.media (expires_at) where expires_at is not null;
  `,
  `
  -- Files of OpenAI's interface. A file is a name for a blob; the same bytes may be many files, and media too.
  create table tessera.file (
    id text primary key,
    tenant text not null,
    blob char(64) not null,
    name text not null,
    purpose text not null,
    kind text not null,
    bytes bigint not null,
    created_at timestamptz not null default now()
  );
  create index file_by_tenant on tessera.file (tenant, created_at desc);
  create index file_by_blob on tessera.file (blob);

  -- Many requests in one file. The process that holds the lease works on it; when it dies, another one goes on.
  create table tessera.batch (
    id text primary key,
    tenant text not null,
    endpoint text not null,
    input_file text not null,
    completion_window text not null,
    metadata jsonb,
    status text not null default 'validating',
    -- Unix time at which each status began.
    times jsonb not null default '{}',
    faults jsonb not null default '[]',
    total int not null default 0,
    completed int not null default 0,
    failed int not null default 0,
    output_file text,
    error_file text,
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    lease_owner text,
    lease_until timestamptz
  );
  create index batch_by_tenant on tessera.batch (tenant, created_at desc);
  create index batch_unfinished on tessera.batch (created_at)
    where status in ('validating', 'in_progress', 'finalizing', 'cancelling');

  -- A line of a batch's input by its place in the file, the job it becomes, and what came of it. Gone when the output is written.
  create table tessera.batch_line (
    batch text not null references tessera.batch on delete cascade,
    line int not null,
    custom_id text not null,
    start_byte bigint not null,
    end_byte bigint not null,
    job text not null,
    outcome jsonb,
    primary key (batch, line)
  );
  `,
  `
  -- Messages about the ends of jobs, to receivers that their requests named. They go with the request.
  create table tessera.webhook_delivery (
    id text primary key,
    tenant text not null,
    job text not null references tessera.request (id) on delete cascade,
    url text not null,
    job_url text not null,
    state text not null default 'waiting',
    event text,
    body text,
    tries int not null default 0,
    attempts jsonb not null default '[]',
    next_at timestamptz not null,
    claimed_until timestamptz,
    created_at timestamptz not null default now(),
    delivered_at timestamptz
  );
  create index webhook_delivery_due on tessera.webhook_delivery (next_at) where state in ('waiting', 'pending');
  create index webhook_delivery_by_job on tessera.webhook_delivery (job);
  create index webhook_delivery_by_tenant on tessera.webhook_delivery (tenant, created_at desc);
  `,
  `
  -- Timelines of media that somebody has, line by line, to be searched. They go with the last one who has the medium.
  create table tessera.timeline (
    medium char(64) primary key,
    blob char(64) not null,
    created_at timestamptz not null default now()
  );
  create table tessera.passage (
    medium char(64) not null references tessera.timeline on delete cascade,
    place int not null,
    starts float8,
    ends float8,
    page int,
    line int,
    file text,
    text text not null,
    words tsvector not null generated always as (to_tsvector('english', text)) stored,
    primary key (medium, place)
  );
  create index passage_words on tessera.passage using gin (words);
  `,
  `
  -- What media that somebody has look like: int8 features of a picture or of each frame, and when it is seen (seconds).
  create table tessera.look (
    medium char(64) primary key,
    visual char(64) not null,
    starts float8[] not null,
    ends float8[] not null,
    features bytea not null
  );
  `,
  `
  -- Blobs that are about to be there and that nothing names yet: who announced one may die before it is named. And those that are to be deleted.
  create table tessera.unnamed_blob (
    id char(64) primary key,
    doomed boolean not null default false,
    announced_at timestamptz not null default now()
  );
  `,
];
