#!/bin/sh
# Copy now, and again each time EVERY seconds are over. A copy that fails leaves staging as it was; the next one tries again.
set -u
child=

stop() {
  trap '' TERM INT
  [ -z "$child" ] || { kill -TERM "$child" && wait "$child"; }
  exit 143
}
trap stop TERM INT

attended() { # a shell heeds signals only where it waits for a process behind it
  "$@" &
  child=$!
  wait "$child"
}

while :; do
  attended dbmimic copy --yes --wait --quiet
  attended sleep "${EVERY:-86400}"
done
