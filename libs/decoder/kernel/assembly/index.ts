export { init } from './constants';
export { packEight, packFloats, packFour, packLow, turnLow } from './pack';
export { help, step, stop } from './step';
export { workingSetBytes, writeRows } from './working-set';
