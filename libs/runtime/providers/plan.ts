/** Where a session is tried, best first, and why some of what was wanted is not tried. */
export interface ProviderPlan {
  /** Never empty; ends with "cpu". */
  providers: string[];
  warnings: string[];
}

/**
 * Orders execution providers for a session.
 * @param wanted as configured, in order of preference; empty means the CPU
 * @param available what this build of onnxruntime holds on this platform
 */
export function planProviders(wanted: readonly string[], available: readonly string[]): ProviderPlan {
  const names = [...new Set(wanted.map((name) => name.trim().toLowerCase()).filter(Boolean))];
  const missing = names.filter((name) => name !== 'cpu' && !available.includes(name));
  const present = names.filter((name) => name !== 'cpu' && available.includes(name));
  const cpu = names.indexOf('cpu');
  return {
    // What stands after "cpu" would never be reached.
    providers: [...present.filter((name) => cpu < 0 || names.indexOf(name) < cpu), 'cpu'],
    warnings: missing.map(
      (name) => `execution provider "${name}" is not in this build of onnxruntime (it has ${available.join(', ')})`,
    ),
  };
}
