# One image for all of our programs; docker-compose.yml says which one a container runs.
FROM node:22-slim AS pages
COPY web web
RUN cd web && npm ci && npm run build && find dist -type f -size +1k -regextype egrep \
    -regex '.*\.(html|m?js|css|svg|json|webmanifest)' -exec gzip -9kn {} +

FROM python:3.11-slim-bookworm
WORKDIR /semar
COPY requirements.lock scripts/uv.lock.txt ./
RUN pip install --no-cache-dir --require-hashes --no-deps --only-binary :all: -r uv.lock.txt \
 && uv pip sync --system --no-cache --require-hashes --no-build --compile-bytecode requirements.lock
COPY pyproject.toml ./
COPY scripts/link_project.py scripts/
COPY dispatch dispatch
COPY routing routing
COPY registry registry
COPY rehearsal rehearsal
COPY migrations migrations
COPY regencies regencies
COPY --from=pages /web/dist web/dist
RUN python scripts/link_project.py \
 && useradd --system --home-dir /data semar && install -d -m 700 -o semar -g semar /data
USER semar
VOLUME /data
ENV PYTHONUNBUFFERED=1 SEMAR_RUN_DIR=/data NUMBA_CACHE_DIR=/data/numba
ENTRYPOINT ["python", "-m"]
CMD ["dispatch", "--help"]
