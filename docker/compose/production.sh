#!/bin/sh
# What the example production needs beside its rows: a role that may read, and nothing else.
set -e
psql -q -v ON_ERROR_STOP=1 -v password="$(cat "${SECRETS:-/run/dbmimic}/production_reader")" <<'SQL'
CREATE ROLE dbmimic_reader LOGIN PASSWORD :'password';
GRANT pg_read_all_data TO dbmimic_reader;
SQL
