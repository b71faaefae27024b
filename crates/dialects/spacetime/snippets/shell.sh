#!/usr/bin/env bash
# Needs openssl, curl and jq.
set -euo pipefail
key={{key_file}}
session={{session}}
user={{identifier}}

post() { curl --silent --show-error --fail-with-body -H 'Content-Type: application/json' -d "$2" "$session/auth/$1"; }
file=$(mktemp)
trap 'rm -f "$file"' EXIT

# Ask for a challenge, sign its text, and open a session with it.
code=$(post code "$(jq -cn --arg user "$user" '{userId: $user}')" | jq -r .authCode)
printf '%s' "$code" > "$file"
signature=$(openssl pkeyutl -sign -rawin -inkey "$key" -in "$file" | od -An -tx1 -v | tr -d ' \n')
tokens=$(post token "$(jq -cn --arg user "$user" --arg code "$code" --arg signature "$signature" --arg key {{key_base64}} \
  '{userId: $user, authCode: $code, signature: $signature, key: $key, scheme: "ed25519"}')")

curl --silent --show-error --fail-with-body -H "Authorization: Bearer $(jq -r .accessToken <<< "$tokens")" {{url}}
