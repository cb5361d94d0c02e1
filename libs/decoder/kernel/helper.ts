import { workerData } from 'node:worker_threads';
import { giveWay } from '#runtime';
import { instantiate } from './exports.js';

/** A thread that helps with every step until it is stopped. */
const { memory, thread } = workerData as { memory: WebAssembly.Memory; thread: number };
giveWay();
instantiate(memory).help(thread);
