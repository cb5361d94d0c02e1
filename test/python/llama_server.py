"""llama.cpp's own OpenAI-compatible server on a GGUF. Says its address, and serves until stdin ends. Usage: llama_server.py GGUF"""

import sys

from xllamacpp import CommonParams, Server

params = CommonParams()
params.model.path = sys.argv[1]
params.hostnames = ["127.0.0.1"]
params.port = 0
params.n_ctx = 2048
params.n_parallel = 2
params.cpuparams.n_threads = 2
params.cpuparams_batch.n_threads = 2
params.warmup = False
server = Server(params)
print(server.listening_address, flush=True)
sys.stdin.read()
