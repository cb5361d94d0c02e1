import { Server, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';
import { ReflectionService } from '@grpc/reflection';
import { HealthImplementation } from 'grpc-health-check';
import { TesseraError } from '#contracts';
import { MAX_MESSAGE_BYTES } from './limits.js';
import { definition } from './proto.js';
import type { Service } from './service.js';

export interface RpcServer {
  /** `host:port`. */
  address: string;
  /** Says that it is leaving, takes no new calls, and cuts off those that run after `graceMs`. */
  close(graceMs?: number): Promise<void>;
}

const nameOf = (service: ServiceDefinition): string => Object.values(service)[0]?.path.split('/')[1] ?? '';

/** Serves services of ours with gRPC's own health and reflection services beside them. Throws `configuration`. */
export async function serveRpc(host: string, port: number, services: readonly Service[]): Promise<RpcServer> {
  const server = new Server({
    'grpc.max_receive_message_length': MAX_MESSAGE_BYTES,
    'grpc.max_send_message_length': MAX_MESSAGE_BYTES,
  });
  for (const { definition, implementation } of services) server.addService(definition, implementation);
  const names = ['', ...services.map((service) => nameOf(service.definition))];
  const health = new HealthImplementation(Object.fromEntries(names.map((name) => [name, 'SERVING'])));
  health.addToServer(server);
  new ReflectionService(definition, { services: names.slice(1) }).addToServer(server);

  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(
      `${host.includes(':') ? `[${host}]` : host}:${port}`,
      ServerCredentials.createInsecure(),
      (error, at) => {
        if (error) reject(new TesseraError('configuration', `gRPC cannot listen on ${host}:${port}: ${error.message}`));
        else resolve(at);
      },
    );
  });
  return {
    address: `${host}:${bound}`,
    close: async (graceMs = 0) => {
      for (const name of names) health.setStatus(name, 'NOT_SERVING');
      const hurry = setTimeout(() => server.forceShutdown(), graceMs);
      await new Promise<void>((resolve) => server.tryShutdown(() => resolve()));
      clearTimeout(hurry);
    },
  };
}
