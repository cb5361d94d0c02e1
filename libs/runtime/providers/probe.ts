import { Graph } from '../onnx/graph.js';
import { encodeModel } from '../onnx/model.js';
import { availableProviders, openSession } from '../sessions/local-session.js';

export interface ProviderReport {
  /** What this build of onnxruntime holds for this platform. */
  available: string[];
  /** Where a session with this configuration runs. */
  used: string;
  /** Why it does not run where it was asked to. */
  warnings: readonly string[];
}

/** Finds out by trying: opens a model of one operator with the given preference (TESSERA_EXECUTION_PROVIDERS). */
export async function probeProviders(wanted: readonly string[]): Promise<ProviderReport> {
  const graph = new Graph('probe');
  const x = graph.input('x', 'float32', ['n']);
  graph.output(graph.op('Add', [x, x]), 'float32', ['n'], 'y');
  const session = await openSession({ bytes: encodeModel(graph), name: 'probe', executionProviders: wanted });
  await session.dispose();
  return { available: availableProviders(), used: session.executionProvider, warnings: session.warnings };
}
