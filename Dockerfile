# The service's image: web (the default), relay, check, migrate and the other verbs of `python -m server`.
#   docker build -t twenty-minutes .
#   docker run --rm twenty-minutes python -m server --help
# Any base with Python 3.11 or newer and Debian's package tools will do; everything else is in the virtual environment.
ARG BASE=docker.io/library/python:3.11-slim-bookworm
FROM ${BASE} AS build
WORKDIR /app
COPY requirements.txt .
RUN python3 -m venv /opt/venv \
    && /opt/venv/bin/pip --disable-pip-version-check --no-cache-dir install --require-hashes -r requirements.txt

FROM ${BASE}
# A fixed id, so that a volume's owner can be set from outside. No shell, no home, nothing to own but its data.
RUN groupadd --gid 10001 clinic \
    && useradd --uid 10001 --gid clinic --home-dir /data --no-create-home --shell /usr/sbin/nologin clinic \
    && install -d -o clinic -g clinic -m 0700 /data
COPY --from=build /opt/venv /opt/venv
WORKDIR /app
COPY LICENSE ./
COPY webclient webclient
COPY signaling signaling
COPY server server
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TM_VAR=/data \
    TM_HOST=0.0.0.0 \
    TM_PORT=8000
USER 10001:10001
EXPOSE 8000/tcp 3478/udp 3478/tcp
# For the web process. Containers of relay and check turn it off: nobody asks them by HTTP (see deploy/README.md).
HEALTHCHECK --interval=10s --timeout=4s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ['TM_PORT']}/healthz\", timeout=3)"]
STOPSIGNAL SIGTERM
CMD ["python", "-m", "server", "web"]
