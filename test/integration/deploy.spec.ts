import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CORE_SCHEMA, load, loadAll, mergeTag } from 'js-yaml';
import { describeSettings, loadConfig } from '#platform';
import { DEFAULT_PORT } from '../../apps/decoder/decoder.js';
import { ROOT } from '../support/cli.js';
import { python } from '../support/python-clients.js';

const SETTINGS = new Set(describeSettings().map(({ name }) => name));
const ROLES = ['api', 'worker', 'decoder'];
const PROBES = ['/health/live', '/health/startup', '/health/ready'];
const KUBERNETES = join(ROOT, 'deploy/kubernetes');
const read = (...path: string[]): string => readFileSync(join(ROOT, ...path), 'utf8');

interface ComposeService {
  image: string;
  build?: string;
  command?: string[];
  environment?: Record<string, string>;
  depends_on?: Record<string, { condition: string }>;
  networks?: string[];
  volumes?: string[];
  deploy?: { replicas: string };
}
interface Compose {
  services: Record<string, ComposeService>;
  volumes: Record<string, unknown>;
  networks: Record<string, { internal?: boolean } | null>;
}
interface Container {
  name: string;
  image: string;
  args: string[];
  ports: { name: string; containerPort: number }[];
  env: {
    name: string;
    value?: string;
    valueFrom?: { secretKeyRef: { name: string; key: string; optional?: boolean } };
  }[];
  envFrom?: { configMapRef: { name: string } }[];
  startupProbe: Probe;
  livenessProbe: Probe;
  readinessProbe: Probe;
  volumeMounts: { name: string }[];
}
interface Probe {
  httpGet: { path: string; port: string };
}
interface Resource {
  kind: string;
  metadata: { name: string };
  spec: {
    template: {
      metadata: { labels: Record<string, string> };
      spec: { containers: Container[]; volumes: { name: string }[] };
    };
    selector: Record<string, string>;
    ports: { name: string; targetPort: string }[];
    scaleTargetRef: { name: string };
    triggers: { metadata: { query: string } }[];
  };
}

/** The configuration that a role of the service would read. Throws what the service would say. */
const configure = (environment: Record<string, string>) =>
  loadConfig(Object.fromEntries(Object.entries(environment).filter(([name]) => /^TESSERA_/.test(name))));

/** `${NAME:-default}` and `${NAME:?reason}` as compose fills them in, with `x` for what is asked for. */
const filled = (text: string): string =>
  text.replace(/\$\{(\w+)(?::-([^}]*)|:\?[^}]*)?\}/g, (_all, _name, fallback: string | undefined) => fallback ?? 'x');

describe('docker-compose.yml', () => {
  const text = read('docker-compose.yml');
  const compose = load(text, { schema: CORE_SCHEMA.withTags(mergeTag) }) as Compose;
  const { services } = compose;

  test('is what the schema of compose allows', async () => {
    const file = join(ROOT, 'docker-compose.yml');
    const { code, output } = await python('check-jsonschema', ['--builtin-schema', 'vendor.compose-spec', file]);
    expect(code, output).toBe(0);
  }, 300_000);

  test('has every part of the service', () => {
    expect(Object.keys(services)).toEqual(
      expect.arrayContaining([...ROLES, 'postgres', 'redis', 'minio', 'prometheus']),
    );
    for (const role of ROLES)
      expect([role, services[role]?.command, services[role]?.build]).toEqual([role, [role], '.']);
    expect(filled(services['worker']?.deploy?.replicas ?? '')).toBe('2');
  });

  test.each(ROLES)('%s gets settings that there are, of values that are understood', (role) => {
    const environment = Object.fromEntries(
      Object.entries(services[role]?.environment ?? {}).map(([name, value]) => [name, filled(String(value))]),
    );
    const config = configure(environment);
    if (role === 'decoder') {
      expect(config.grpc.port ?? DEFAULT_PORT).toBe(50051);
      return;
    }
    expect(new URL(config.database.url ?? '').hostname).toBe('postgres');
    expect(new URL(config.queue.url ?? '').hostname).toBe('redis');
    expect(new URL(config.blobs.url ?? '').searchParams.get('endpoint')).toBe('http://minio:9000');
    if (role === 'worker') expect(config.decoder.url).toBe('grpc://decoder:50051');
  });

  test('names no service, network or volume that is not there', () => {
    for (const [name, { depends_on = {}, networks = [], volumes = [] }] of Object.entries(services)) {
      for (const other of Object.keys(depends_on))
        expect([name, other, other in services]).toEqual([name, other, true]);
      for (const net of networks) expect([name, net, net in compose.networks]).toEqual([name, net, true]);
      for (const volume of volumes.map((each) => each.split(':')[0] ?? ''))
        expect([name, volume, volume in compose.volumes || volume.startsWith('.')]).toEqual([name, volume, true]);
    }
    // The stores are not to be reached from outside.
    expect(compose.networks['back']?.internal).toBe(true);
    for (const store of ['postgres', 'redis', 'minio', 'decoder']) expect(services[store]?.networks).toEqual(['back']);
  });

  test('is scraped where it answers', () => {
    const { scrape_configs: jobs } = load(read('deploy/prometheus.yml')) as {
      scrape_configs: { job_name: string; dns_sd_configs: { names: string[]; port: number }[] }[];
    };
    expect(jobs.map(({ job_name }) => job_name)).toEqual(ROLES);
    for (const { dns_sd_configs: found } of jobs)
      for (const { names, port } of found)
        expect([names.every((name) => name in services), port]).toEqual([true, 8080]);
  });
});

describe('deploy/kubernetes', () => {
  const files = readdirSync(KUBERNETES).filter((name) => name !== 'kustomization.yaml');
  const resources = files.flatMap((name) => loadAll(read('deploy/kubernetes', name)) as Resource[]);
  const of = (kind: string, name: string): Resource => {
    const found = resources.find((each) => each.kind === kind && each.metadata.name === name);
    if (!found) throw new Error(`There is no ${kind} ${name}.`);
    return found;
  };
  const kustomization = load(read('deploy/kubernetes/kustomization.yaml')) as {
    resources: string[];
    configMapGenerator: { name: string; literals: string[] }[];
    images: { name: string }[];
  };
  const stores = kustomization.configMapGenerator.find(({ name }) => name === 'tessera-stores')?.literals ?? [];

  test('is what the schemas of Kubernetes allow', async () => {
    const paths = files.map((name) => join(KUBERNETES, name));
    const { code, output } = await python('kubernetes-validate', ['--strict', ...paths]);
    expect(code, output).toBe(0);
    expect(output.match(/passed for resource/g)?.length).toBe(resources.length - 1);
    // KEDA's is not among them.
    expect(output.match(/Couldn't find schema for kind (\w+)/g)).toEqual([
      "Couldn't find schema for kind ScaledObject",
    ]);
  }, 300_000);

  test.runIf(existsSync('/usr/bin/kubectl'))('is put together by kustomize', () => {
    const made = execFileSync('kubectl', ['kustomize', KUBERNETES], { encoding: 'utf8' });
    const kinds = (loadAll(made) as Resource[]).map(({ kind }) => kind);
    expect(kinds.length).toBe(resources.length + 1);
    expect(made).toContain('image: tessera:latest');
    expect(made).toMatch(/name: tessera-stores-[0-9a-z]{10}/);
  });

  test('names every file', () => expect([...kustomization.resources].sort()).toEqual([...files].sort()));

  test.each(ROLES)('%s runs its role with settings that there are, and is asked where it answers', (role) => {
    const { template } = of('Deployment', `tessera-${role}`).spec;
    const [container] = template.spec.containers as [Container];
    expect(container.args).toEqual([role]);
    expect(kustomization.images.map(({ name }) => name)).toContain(container.image);
    const environment: Record<string, string> = {
      TESSERA_DATABASE_URL: 'postgres://h/d',
      TESSERA_QUEUE_URL: 'redis://h',
    };
    for (const { name, value, valueFrom } of container.env) {
      if (name.startsWith('TESSERA_')) expect([name, SETTINGS.has(name)]).toEqual([name, true]);
      if (value !== undefined) environment[name] = value;
      else expect([name, valueFrom?.secretKeyRef.name]).toEqual([name, 'tessera']);
    }
    if (container.envFrom)
      for (const literal of stores) environment[literal.split('=')[0] ?? ''] = literal.slice(literal.indexOf('=') + 1);
    const config = configure(environment);
    const ports = Object.fromEntries(container.ports.map(({ name, containerPort }) => [name, containerPort]));
    expect(ports['http']).toBe(config.http.port);
    if (ports['grpc'] !== undefined) expect(config.grpc.port ?? DEFAULT_PORT).toBe(ports['grpc']);
    const { startupProbe, livenessProbe, readinessProbe } = container;
    for (const { httpGet } of [startupProbe, livenessProbe, readinessProbe]) {
      expect(PROBES).toContain(httpGet.path);
      expect(httpGet.port).toBe('http');
    }
    expect([startupProbe, readinessProbe].map(({ httpGet }) => httpGet.path)).toEqual([
      '/health/startup',
      '/health/ready',
    ]);
    const volumes = template.spec.volumes.map(({ name }) => name);
    for (const { name } of container.volumeMounts) expect(volumes).toContain(name);
  });

  test('services lead to pods and ports that there are, and workers to the decoder', () => {
    for (const { spec } of resources.filter(({ kind }) => kind === 'Service')) {
      const role = spec.selector['app.kubernetes.io/component'] ?? '';
      const { template } = of('Deployment', `tessera-${role}`).spec;
      expect(template.metadata.labels['app.kubernetes.io/component']).toBe(role);
      const ports = template.spec.containers[0]?.ports.map(({ name }) => name) ?? [];
      for (const { targetPort } of spec.ports) expect(ports).toContain(targetPort);
    }
    const env = of('Deployment', 'tessera-worker').spec.template.spec.containers[0]?.env ?? [];
    const url = env.find(({ name }) => name === 'TESSERA_DECODER_URL')?.value ?? '';
    expect(of('Service', new URL(url).hostname).spec.ports.map((port) => port.targetPort)).toContain('grpc');
  });

  test('workers are scaled by a metric that the edge tells', () => {
    const { spec } = of('ScaledObject', 'tessera-worker');
    of('Deployment', spec.scaleTargetRef.name);
    const query = spec.triggers[0]?.metadata.query ?? '';
    const [metric] = /tessera_\w+/.exec(query) ?? [];
    expect(read('apps/api/health/metrics.ts')).toContain(`gauge('${metric}'`);
  });

  test('the manual names every key of the secret', () => {
    const manual = read('docs/operations.md');
    const keys = resources
      .filter(({ kind }) => kind === 'Deployment')
      .flatMap(({ spec }) => spec.template.spec.containers[0]?.env ?? [])
      .flatMap(({ valueFrom }) => valueFrom?.secretKeyRef.key ?? []);
    for (const key of new Set(keys)) expect(manual).toContain(`--from-literal=${key}=`);
  });
});

describe('Dockerfile', () => {
  const text = read('Dockerfile');

  test('copies what there is, and sets settings that there are', () => {
    for (const [, sources = ''] of text.matchAll(/^COPY (?!--from)(.+) \S+$/gm))
      for (const source of sources.split(' ')) expect([source, existsSync(join(ROOT, source))]).toEqual([source, true]);
    for (const [name] of text.matchAll(/\bTESSERA_\w+(?==)/g)) expect([name, SETTINGS.has(name)]).toEqual([name, true]);
    expect(text).toMatch(/^USER node$/m);
    expect(text).toMatch(/^HEALTHCHECK /m);
  });
});
