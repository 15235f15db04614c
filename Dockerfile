# syntax=docker/dockerfile:1
FROM node:20-bookworm AS build
WORKDIR /app
# The native back end, beside WebAssembly: 450 MB more, and faster on big models. `--build-arg
# TENSORFLOW=false` leaves it out.
ARG TENSORFLOW=true
COPY package.json package-lock.json .npmrc ./
RUN npm ci
COPY tsconfig.json tsconfig.build.json ./
COPY src ./src
RUN npm run build && npm prune --omit=dev
COPY scripts ./scripts
RUN if [ "$TENSORFLOW" = true ]; then \
      apt-get update && apt-get install -y --no-install-recommends python3-pip && \
      npm run tfjs-node:install -- --copy; \
    fi

FROM gcr.io/distroless/nodejs20-debian12:nonroot
WORKDIR /app
ENV NODE_ENV=production ISTHMUS_HTTP_HOST=0.0.0.0
COPY --from=build /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY package.json LICENSE ./
COPY schemas ./schemas
COPY data ./data
EXPOSE 8080
HEALTHCHECK --interval=10s --start-period=30s CMD ["/nodejs/bin/node", "-e", "fetch('http://127.0.0.1:8080/healthz').then((r) => process.exit(r.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["/nodejs/bin/node", "--max-semi-space-size=64", "dist/cli.js"]
CMD ["run"]
