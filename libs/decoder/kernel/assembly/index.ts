export { init } from './constants';
export { packEight, packFloats, packFour, packLow, turnLow } from './pack';
export { help, step } from './step';
export { end } from './threads';
export { workingSetBytes, writeRows } from './working-set';
