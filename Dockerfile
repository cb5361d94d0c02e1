# One image: the service with its models, as an unprivileged user. Nothing is fetched when it starts.
ARG NODE=20-bookworm-slim

FROM node:${NODE} AS build
# pip fetches the decoder's base model, as `models pull` does everywhere; gcc compiles the decoder's native kernel.
RUN apt-get update && apt-get install -y --no-install-recommends python3-pip gcc libc6-dev && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/tessera
ENV ONNXRUNTIME_NODE_INSTALL=skip
COPY package.json package-lock.json .npmrc ./
RUN npm ci --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY bin bin
COPY packs packs
COPY proto proto
COPY encoders encoders
COPY libs libs
COPY bench bench
COPY apps apps
RUN npm run build && npm prune --omit=dev --no-audit --no-fund
RUN TESSERA_CACHE_DIR=/var/cache/tessera node bin/tessera.js models pull

FROM node:${NODE}
RUN apt-get update && apt-get install -y --no-install-recommends ffmpeg && rm -rf /var/lib/apt/lists/* \
    && install -d -o node -g node /var/lib/tessera
WORKDIR /opt/tessera
COPY --from=build --chown=node:node /var/cache/tessera /var/cache/tessera
COPY --from=build /opt/tessera/package.json ./
COPY --from=build /opt/tessera/node_modules node_modules
COPY --from=build /opt/tessera/dist dist
COPY --from=build /opt/tessera/bin bin
COPY --from=build /opt/tessera/packs packs
COPY --from=build /opt/tessera/proto proto
COPY --from=build /opt/tessera/encoders encoders
ENV NODE_ENV=production \
    TESSERA_HOST=0.0.0.0 \
    TESSERA_DATA_DIR=/var/lib/tessera \
    TESSERA_CACHE_DIR=/var/cache/tessera
USER node
VOLUME /var/lib/tessera
EXPOSE 8080 50051
# The start loads the pack and brings the tables up to date; after that a look costs one query of each kind.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["node", "-e", "fetch('http://127.0.0.1:' + (process.env.TESSERA_PORT || 8080) + '/health/ready').then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "bin/tessera.js"]
CMD ["serve"]
