#!/usr/bin/env bash
# nginx sends a GET again to the same server only if the upstream names that server twice.
#
# A server closes a connection that it has accepted, without an answer, as a worker does when it
# stops. nginx's proxy_next_upstream is at its default (error timeout), which allows another attempt for a
# GET. Seen with nginx 1.22.1 (Debian 12):
#
#   upstream { server unix:s; }                    502: there is no next server, so nothing is sent again
#   upstream { server unix:s; server unix:s; }     200: the second line counts as another server
#
# It matters for every server whose workers share one socket (gunicorn, uvicorn --workers): a reload
# behind the first configuration answers some GETs with 502, behind the second it does not.
#
# Needed: nginx and python3. Everything stays in a temporary folder and on one loopback port.
set -euo pipefail

command -v nginx >/dev/null || PATH=$PATH:/usr/sbin
command -v nginx >/dev/null || { echo "nginx is missing: apt-get install nginx" >&2; exit 1; }
folder=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
nginx -v

cat >server.py <<'PYTHON'
"""Accepts on a Unix socket: closes the first connection after its request, and answers every other."""
import socket

listener = socket.socket(socket.AF_UNIX)
listener.bind("s")
listener.listen()
number = 0
while True:
    connection, _ = listener.accept()
    connection.recv(65536)
    if number:
        connection.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nok\n")
    connection.close()
    number += 1
PYTHON

status_with() { # status_with LINES: what a GET gets if the upstream has these lines
  rm -f s
  port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
  cat >nginx.conf <<NGINX
daemon off;
master_process off;
pid $folder/pid;
error_log /dev/null;
events {}
http {
    access_log off;
    client_body_temp_path $folder/a; proxy_temp_path $folder/b; fastcgi_temp_path $folder/c;
    uwsgi_temp_path $folder/d; scgi_temp_path $folder/e;
    upstream site { $1 }
    server { listen 127.0.0.1:$port; location / { proxy_pass http://site; } }
}
NGINX
  python3 server.py & server=$!
  nginx -p "$folder" -e /dev/null -c "$folder/nginx.conf" & proxy=$!
  for _ in $(seq 100); do
    [ -S s ] && python3 -c "import socket; socket.create_connection(('127.0.0.1', $port))" 2>/dev/null && break
    sleep 0.05
  done
  status=$(python3 - "$port" <<'PYTHON'
import sys, urllib.error, urllib.request

try:
    print(urllib.request.urlopen(f"http://127.0.0.1:{sys.argv[1]}/", timeout=10).status)
except urllib.error.HTTPError as error:
    print(error.code)
PYTHON
  )
  kill "$server" "$proxy"
  wait "$server" "$proxy" 2>/dev/null || true
}

status_with "server unix:$folder/s max_fails=0;"
once=$status
status_with "server unix:$folder/s max_fails=0; server unix:$folder/s max_fails=0;"
twice=$status
echo "named once: $once, named twice: $twice"
[ "$once $twice" = "502 200" ] || { echo "nginx behaves differently now" >&2; exit 1; }
