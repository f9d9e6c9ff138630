# The API, the worker and the migrations of Samewise in one image, for servers of your own:
#   docker build -t samewise .
#   docker run -e CDP_DATABASE_URL=... -e CDP_REDIS_URL=... -v samewise:/data -p 8000:8000 samewise
# compose.yaml shows the whole.

FROM python:3.13-slim-bookworm AS build
RUN python -m venv /venv
COPY requirements/run.txt /tmp/run.txt
RUN /venv/bin/pip install --no-cache-dir --disable-pip-version-check --only-binary :all: --require-hashes -r /tmp/run.txt \
    && /venv/bin/pip uninstall --yes pip \
    && printf '#!/bin/sh\nexec /venv/bin/python -P -m app.cli.main "$@"\n' > /venv/bin/cdp \
    && chmod 755 /venv/bin/cdp

FROM python:3.13-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /data --shell /usr/sbin/nologin samewise \
    && install --directory --owner samewise --mode 0700 /data
COPY --from=build /venv /venv
COPY app /srv/samewise/app
COPY migrations /srv/samewise/migrations
COPY LICENSE /srv/samewise/LICENSE
ENV PATH=/venv/bin:$PATH \
    PYTHONPATH=/srv/samewise \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    CDP_HOST=0.0.0.0 \
    CDP_PORT=8000 \
    CDP_DATA_DIR=/data
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
# A worker answers no HTTP: compose.yaml turns this off for it.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"CDP_PORT\"]}/livez', timeout=3)"]
STOPSIGNAL SIGTERM
CMD ["cdp", "serve"]
