import { encodeModel, Graph, type OnnxContents } from '#runtime';

/** Samples at 16 kHz that one probability stands for, and those before it that the model also sees. */
export const WINDOW = 512;
export const CONTEXT = 64;
/** Size of the recurrent state. */
export const HIDDEN = 128;

/** Weights of the 16 kHz half of the file; the other half is for 8 kHz. */
const PREFIX = 'If_0_then_branch__Inline_0__';
const BINS = 129;
const FRAMES = 4;
const STRIDES = [1, 2, 2, 1];

/**
 * Silero VAD v6 for a run of windows of one stream. The original takes one window a call; only its LSTM has a state, so
 * here the filters see all windows as a batch and the LSTM sees them as a sequence. Same weights, same result.
 *
 * `windows` float32 [n, 576], `h` and `c` float32 [1, 1, 128] → `probability` float32 [n], `h_out`, `c_out`.
 */
export function buildVadModel(silero: OnnxContents): Uint8Array {
  const graph = new Graph('silero-vad');
  const found = (name: string) => {
    const value = silero.weights.get(PREFIX + name);
    if (!value) throw new RangeError(`The VAD file has no weight ${name}.`);
    return value;
  };
  const weight = (name: string) => graph.weight(name, found(name).type, found(name).dims, found(name).data);
  const cut = (x: string, from: number, to: number, axis: number) =>
    graph.op('Slice', [x, ...[[from], [to], [axis]].map((list) => graph.constant('int64', list))]);
  const every = (x: string, from: number, to: number, step: number) =>
    graph.op('Slice', [x, ...[[from], [to], [1], [step]].map((list) => graph.constant('int64', list))]);

  const windows = graph.input('windows', 'float32', ['n', CONTEXT + WINDOW]);
  const state = [graph.input('h', 'float32', [1, 1, HIDDEN]), graph.input('c', 'float32', [1, 1, HIDDEN])];

  const concat = (parts: string[], axis: number) => graph.op('Concat', parts, { attributes: { axis } });
  /** A convolution's filters [out, in, width] as the matrix [width · in, out]: one large product beats many small convolutions. */
  const filters = (name: string) => {
    const { dims, data } = found(name);
    const [out, inputs, width] = dims as [number, number, number];
    const values = new Float32Array(data.slice().buffer);
    const matrix = new Float32Array(values.length);
    for (let o = 0; o < out; o++)
      for (let i = 0; i < inputs; i++)
        for (let k = 0; k < width; k++) matrix[(k * inputs + i) * out + o] = values[(o * inputs + i) * width + k]!;
    return graph.weight(`${name}.matrix`, 'float32', [width * inputs, out], matrix);
  };

  // Frames of 256 samples every 128: pairs of neighbouring blocks.
  const padded = graph.op('Pad', [windows, graph.constant('int64', [0, 0, 0, 64])], {
    attributes: { mode: 'reflect' },
  });
  const blocks = graph.op('Reshape', [padded, graph.constant('int64', [-1, FRAMES + 1, 128])]);
  const frames = concat([cut(blocks, 0, FRAMES, 1), cut(blocks, 1, FRAMES + 1, 1)], 2);
  const spectrum = graph.op('MatMul', [frames, filters('stft.forward_basis_buffer')]);
  const square = (value: string) => graph.op('Mul', [value, value]);
  const power = graph.op('Add', [square(cut(spectrum, 0, BINS, 2)), square(cut(spectrum, BINS, 2 * BINS, 2))]);

  let x = graph.op('Sqrt', [power]);
  let length = FRAMES;
  STRIDES.forEach((stride, i) => {
    const edges = graph.op('Pad', [x, graph.constant('int64', [0, 1, 0, 0, 1, 0])]);
    const taps = [0, 1, 2].map((tap) => every(edges, tap, length + tap, stride));
    const name = `encoder.${i}.reparam_conv`;
    const sum = graph.op('MatMul', [concat(taps, 2), filters(`${name}.weight`)]);
    x = graph.op('Relu', [graph.op('Add', [sum, weight(`${name}.bias`)])]);
    length = Math.ceil(length / stride);
  });

  // [n, 1, 128]: a sequence of n steps, a batch of 1.
  const steps = x;
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

  const features = graph.op('Relu', [graph.op('Reshape', [hidden!, graph.constant('int64', [-1, HIDDEN])])]);
  const sum = graph.op('MatMul', [features, filters('decoder.decoder.2.weight')]);
  const logit = graph.op('Add', [sum, weight('decoder.decoder.2.bias')]);
  const probability = graph.op('Reshape', [graph.op('Sigmoid', [logit]), graph.constant('int64', [-1])]);
  graph.output(probability, 'float32', ['n'], 'probability');
  graph.output(h!, 'float32', [1, 1, HIDDEN]);
  graph.output(c!, 'float32', [1, 1, HIDDEN]);
  return encodeModel(graph);
}
