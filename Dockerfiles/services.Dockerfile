# All Swift services from one build; which one a container is, its command says.
FROM swift:6.3-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends \
    libargon2-dev libhiredis-dev libhttp-parser-dev libjemalloc-dev libpq-dev libssl-dev libwslay-dev \
    libavcodec-dev libavutil-dev libswresample-dev pkg-config \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /source
COPY Package.swift ./
COPY Shared Shared
COPY Services Services
COPY Tests Tests
RUN --mount=type=cache,id=martlet-build,target=/source/.build \
    set -e; mkdir /out; \
    for service in Auth Catalog Ingest Origin SFU Transcoder; do \
      swift build -c release --static-swift-stdlib -Xswiftc -cross-module-optimization --product $service; \
      strip --strip-debug -o /out/$service .build/release/$service; \
    done

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends \
    ca-certificates libargon2-1 libhiredis0.14 libhttp-parser2.9 libjemalloc2 libpq5 libssl3 libwslay1 \
    libavcodec59 libavutil57 libswresample4 \
 && rm -rf /var/lib/apt/lists/* \
 && install -d -o 10001 -g 10001 -m 750 /media/martlet
COPY --from=build /out/ /usr/local/bin/
COPY --chmod=755 Dockerfiles/healthy /usr/local/bin/healthy
USER 10001:10001
WORKDIR /tmp
STOPSIGNAL SIGTERM
