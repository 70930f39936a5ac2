#!/bin/sh
# Draw this machine's secrets, once: make-secrets.sh FOLDER. What is there stays.
set -eu
folder=$1
umask 022
chmod 755 "$folder" # PostgreSQL's images read it as another user

write() { # a file with what comes on standard input, whole or not at all
  cat > "$folder/$1.part" && mv "$folder/$1.part" "$folder/$1"
}

for each in production_admin production_reader staging_admin staging_owner; do
  [ -s "$folder/$each" ] || od -An -v -tx1 -N24 /dev/urandom | tr -d ' \n' | write "$each"
done
[ -s "$folder/secret" ] || dbmimic key new | write secret
echo "postgresql://dbmimic_reader:$(cat "$folder/production_reader")@${PRODUCTION:-production}/shop" | write source
echo "postgresql://dbmimic_owner:$(cat "$folder/staging_owner")@${STAGING:-staging}/staging" | write target
