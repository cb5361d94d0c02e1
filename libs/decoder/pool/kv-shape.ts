/** What one token leaves behind in attention: keys and values of [layers, kvHeads, headDim] each. */
export interface KvShape {
  layers: number;
  kvHeads: number;
  headDim: number;
}

export { rotaryTable, type RotaryTable } from './rotary.js';
