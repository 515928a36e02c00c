# One image with both programs: `patron` (default) and `patron-vendor`.
FROM rust:1.95-slim-bookworm AS build
# The pages of the console are built with node, and Debian's is too old. The image has node and npm,
# for every platform of the Rust image.
COPY --from=node:24-bookworm-slim /usr/local/bin/node /usr/local/bin/node
COPY --from=node:24-bookworm-slim /usr/local/lib/node_modules/npm /usr/local/lib/node_modules/npm
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
# Fail instead of building an image without the console.
ENV PATRON_CONSOLE=required
WORKDIR /src
COPY . .
# The target directory is a cache mount and not part of the image, so copy the programs in the same step.
RUN --mount=type=cache,target=/usr/local/cargo/registry \
    --mount=type=cache,target=/src/target \
    cargo build --release --locked --package patron --package vendor \
        --bin patron --bin patron-vendor \
    && mkdir /out \
    && cp target/release/patron target/release/patron-vendor /out/

FROM debian:bookworm-slim
RUN apt-get update \
    && apt-get install --yes --no-install-recommends ca-certificates \
    && rm -rf /var/lib/apt/lists/*
# A named volume inherits the owner and mode of the directory on which it is first mounted, so the
# directory must exist and belong to `patron`.
RUN useradd --system --uid 10001 --user-group --home-dir /var/lib/patron --create-home patron \
    && install --directory --owner patron --group patron /var/lib/patron/vendor
COPY --from=build /out/ /usr/local/bin/
USER patron
WORKDIR /var/lib/patron
EXPOSE 8080
# For the default command. Services with another command replace or disable it.
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s --retries=6 \
    CMD ["patron", "health", "--url", "http://127.0.0.1:8080/healthz"]
ENTRYPOINT ["patron"]
CMD ["serve", "--listen", "0.0.0.0:8080"]
