import { encodeModel, Graph, type OnnxContents } from '#runtime';

/** Samples at 16 kHz that one probability stands for, and those before it that the model also sees. */
export const WINDOW = 512;
export const CONTEXT = 64;
/** Size of the recurrent state. */
export const HIDDEN = 128;

/** Weights of the 16 kHz half of the file; the other half is for 8 kHz. */
const PREFIX = 'If_0_then_branch__Inline_0__';
const BINS = 129;
const STRIDES = [1, 2, 2, 1];

/**
 * Silero VAD v6 for a run of windows of one stream. The original takes one window a call; only its LSTM has a state, so
 * here the filters see all windows as a batch and the LSTM sees them as a sequence. Same weights, same result.
 *
 * `windows` float32 [n, 576], `h` and `c` float32 [1, 1, 128] → `probability` float32 [n], `h_out`, `c_out`.
 */
export function buildVadModel(silero: OnnxContents): Uint8Array {
  const graph = new Graph('silero-vad');
  const weight = (name: string) => {
    const found = silero.weights.get(PREFIX + name);
    if (!found) throw new RangeError(`The VAD file has no weight ${name}.`);
    return graph.weight(name, found.type, found.dims, found.data);
  };
  const conv = (x: string, inputs: string[], stride: number, pad: number) =>
    graph.op('Conv', [x, ...inputs], { attributes: { strides: [stride], pads: [pad, pad] } });
  const cut = (x: string, from: number, to: number, axis: number) =>
    graph.op('Slice', [x, ...[[from], [to], [axis]].map((list) => graph.constant('int64', list))]);

  const windows = graph.input('windows', 'float32', ['n', CONTEXT + WINDOW]);
  const state = [graph.input('h', 'float32', [1, 1, HIDDEN]), graph.input('c', 'float32', [1, 1, HIDDEN])];

  const padded = graph.op('Pad', [windows, graph.constant('int64', [0, 0, 0, 64])], {
    attributes: { mode: 'reflect' },
  });
  const samples = graph.op('Unsqueeze', [padded, graph.constant('int64', [1])]);
  const spectrum = conv(samples, [weight('stft.forward_basis_buffer')], 128, 0);
  const square = (x: string) => graph.op('Mul', [x, x]);
  const power = graph.op('Add', [square(cut(spectrum, 0, BINS, 1)), square(cut(spectrum, BINS, 2 * BINS, 1))]);
  let x = graph.op('Sqrt', [power]);
  STRIDES.forEach((stride, i) => {
    const inputs = [weight(`encoder.${i}.reparam_conv.weight`), weight(`encoder.${i}.reparam_conv.bias`)];
    x = graph.op('Relu', [conv(x, inputs, stride, 1)]);
  });

  // [n, 128, 1] → sequence of n steps, batch of 1.
  const steps = graph.op('Transpose', [x], { attributes: { perm: [0, 2, 1] } });
  // PyTorch orders the gates i, f, g, o; ONNX i, o, f, g.
  const gates = (name: string) => {
    const all = weight(name);
    const parts = [cut(all, 0, HIDDEN, 0), cut(all, 3 * HIDDEN, 4 * HIDDEN, 0), cut(all, HIDDEN, 3 * HIDDEN, 0)];
    return graph.op('Concat', parts, { attributes: { axis: 0 } });
  };
  const direction = (value: string) => graph.op('Unsqueeze', [value, graph.constant('int64', [0])]);
  const biases = graph.op('Concat', [gates('decoder.rnn.bias_ih'), gates('decoder.rnn.bias_hh')], {
    attributes: { axis: 0 },
  });
  const [hidden, h, c] = graph.multi(
    'LSTM',
    [
      steps,
      direction(gates('decoder.rnn.weight_ih')),
      direction(gates('decoder.rnn.weight_hh')),
      direction(biases),
      '',
      ...state,
    ],
    3,
    { attributes: { hidden_size: HIDDEN }, names: ['', 'h_out', 'c_out'] },
  );

  const features = graph.op('Relu', [graph.op('Reshape', [hidden!, graph.constant('int64', [-1, HIDDEN, 1])])]);
  const logit = conv(features, [weight('decoder.decoder.2.weight'), weight('decoder.decoder.2.bias')], 1, 0);
  const probability = graph.op('Reshape', [graph.op('Sigmoid', [logit]), graph.constant('int64', [-1])]);
  graph.output(probability, 'float32', ['n'], 'probability');
  graph.output(h!, 'float32', [1, 1, HIDDEN]);
  graph.output(c!, 'float32', [1, 1, HIDDEN]);
  return encodeModel(graph);
}
