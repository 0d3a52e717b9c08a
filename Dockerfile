# One image for all of our programs; docker-compose.yml says which one a container runs.
FROM python:3.11-slim-bookworm
WORKDIR /semar
COPY requirements.lock scripts/uv.lock.txt ./
RUN pip install --no-cache-dir --require-hashes --no-deps --only-binary :all: -r uv.lock.txt \
 && uv pip sync --system --no-cache --require-hashes --no-build --compile-bytecode requirements.lock
COPY dispatch dispatch
COPY routing routing
COPY registry registry
COPY rehearsal rehearsal
COPY migrations migrations
COPY regencies regencies
RUN useradd --system --home-dir /data semar && install -d -m 700 -o semar -g semar /data
USER semar
VOLUME /data
ENV PYTHONPATH=/semar PYTHONUNBUFFERED=1 SEMAR_RUN_DIR=/data NUMBA_CACHE_DIR=/data/numba
ENTRYPOINT ["python", "-m"]
CMD ["dispatch", "--help"]
