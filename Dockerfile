# One image for all of our programs; docker-compose.yml says which one a container runs.
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
RUN python scripts/link_project.py \
 && useradd --system --home-dir /data semar && install -d -m 700 -o semar -g semar /data
USER semar
VOLUME /data
ENV PYTHONUNBUFFERED=1 SEMAR_RUN_DIR=/data NUMBA_CACHE_DIR=/data/numba
ENTRYPOINT ["python", "-m"]
CMD ["dispatch", "--help"]
