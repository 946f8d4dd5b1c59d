# The bus's own software: hubs, provisioning, and every other `ntsg` command. Every package is pinned by hash.
FROM python:3.11-slim AS build
WORKDIR /src
RUN python -m venv /opt/ntsg
COPY docker/requirements.lock .
RUN /opt/ntsg/bin/pip install --no-cache-dir --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ntsg.py ./
COPY schemas schemas
COPY bus bus
COPY producers producers
COPY consumers consumers
RUN /opt/ntsg/bin/pip install --no-cache-dir --no-deps --no-build-isolation .

FROM python:3.11-slim
ENV PATH=/opt/ntsg/bin:$PATH PYTHONUNBUFFERED=1 NTSG_HOME=/var/lib/ntsg
# A named volume takes over the owner of the directory on which it is first mounted.
RUN useradd --system --uid 10001 --user-group --home-dir /var/lib/ntsg --create-home ntsg \
    && install -d -m 0700 -o ntsg -g ntsg /var/lib/ntsg/credentials /var/lib/ntsg/hub-credentials \
        /var/lib/ntsg/gateway-credentials /etc/ntsg/credentials
COPY --from=build /opt/ntsg /opt/ntsg
USER 10001:10001
WORKDIR /var/lib/ntsg
ENTRYPOINT ["ntsg"]
CMD ["--help"]
