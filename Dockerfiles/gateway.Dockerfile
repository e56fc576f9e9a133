# nginx with Martlet's routes and the web app; it runs as nobody in particular and writes only to /run/martlet.
FROM nginx:1-bookworm
COPY Services/Gateway/*.conf /etc/martlet/
COPY --chmod=755 Services/Gateway/render /usr/local/bin/martlet-render
COPY Services/Gateway/Web /usr/share/martlet/web
ENV RUN=/run/martlet WEB=/usr/share/martlet/web ACCESS_LOG=/dev/stdout ERROR_LOG=stderr \
    SITE_PORT=8080 SITE_TLS_PORT=8443 CACHE_SIZE=256m \
    TLS_CERTIFICATE_FILE=/secrets/tls/server.crt TLS_KEY_FILE=/secrets/tls/server.key \
    AUTH_ADDRESS=auth:8101 CATALOG_ADDRESS=catalog:8102 ORIGIN_ADDRESS=origin:8104 SFU_ADDRESS=sfu:8105 INGEST_ADDRESS=ingest:8103 \
    REPLICAS_BY_NAME=yes
USER 10001:10001
ENTRYPOINT ["/bin/sh", "-c", "martlet-render /etc/martlet /run/martlet/conf && exec nginx -c /run/martlet/conf/nginx.conf -e stderr"]
CMD []
STOPSIGNAL SIGQUIT
EXPOSE 8080 8443
