# The one-shot steps around the services: secrets and certificates, database roles, first stream and link.
FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends openssl postgresql-client python3 \
 && rm -rf /var/lib/apt/lists/* && install -d -o 10001 -g 10001 -m 700 /access
COPY scripts/stack/ /usr/local/lib/martlet/
COPY Shared/Postgres/bootstrap.sql /usr/local/lib/martlet/
ENV PYTHONDONTWRITEBYTECODE=1
ENTRYPOINT ["python3", "/usr/local/lib/martlet/container.py"]
