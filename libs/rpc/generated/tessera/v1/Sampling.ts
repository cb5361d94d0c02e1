// Original file: proto/tessera/v1/decoder.proto

import type { Long } from '@grpc/proto-loader';

export interface Sampling {
  'maxTokens'?: (number);
  'temperature'?: (number | string);
  'topP'?: (number | string);
  'topK'?: (number);
  'minP'?: (number | string);
  'repetitionPenalty'?: (number | string);
  'frequencyPenalty'?: (number | string);
  'presencePenalty'?: (number | string);
  'seed'?: (number | string | Long);
  'stop'?: (string)[];
  'logitBias'?: ({[key: string]: number | string});
  'logprobs'?: (number);
  'jsonSchema'?: (string);
  'beams'?: (number);
  '_maxTokens'?: "maxTokens";
  '_temperature'?: "temperature";
  '_topP'?: "topP";
  '_topK'?: "topK";
  '_minP'?: "minP";
  '_repetitionPenalty'?: "repetitionPenalty";
  '_frequencyPenalty'?: "frequencyPenalty";
  '_presencePenalty'?: "presencePenalty";
  '_seed'?: "seed";
  '_logprobs'?: "logprobs";
  '_jsonSchema'?: "jsonSchema";
  '_beams'?: "beams";
}

export interface Sampling__Output {
  'maxTokens'?: (number);
  'temperature'?: (number);
  'topP'?: (number);
  'topK'?: (number);
  'minP'?: (number);
  'repetitionPenalty'?: (number);
  'frequencyPenalty'?: (number);
  'presencePenalty'?: (number);
  'seed'?: (number);
  'stop': (string)[];
  'logitBias': ({[key: string]: number});
  'logprobs'?: (number);
  'jsonSchema'?: (string);
  'beams'?: (number);
  '_maxTokens'?: "maxTokens";
  '_temperature'?: "temperature";
  '_topP'?: "topP";
  '_topK'?: "topK";
  '_minP'?: "minP";
  '_repetitionPenalty'?: "repetitionPenalty";
  '_frequencyPenalty'?: "frequencyPenalty";
  '_presencePenalty'?: "presencePenalty";
  '_seed'?: "seed";
  '_logprobs'?: "logprobs";
  '_jsonSchema'?: "jsonSchema";
  '_beams'?: "beams";
}
