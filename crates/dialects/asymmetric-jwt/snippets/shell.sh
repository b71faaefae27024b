#!/usr/bin/env bash
# Needs openssl and curl.
set -euo pipefail
key={{key_file}}
url={{url}}
header={{setting.header}}
scheme={{setting.scheme}}

b64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
file=$(mktemp)
trap 'rm -f "$file"' EXIT
if openssl pkey -in "$key" -noout -text | grep -q ED25519; then
  alg=EdDSA
  sign() { openssl pkeyutl -sign -rawin -inkey "$key" -in "$file"; }
else
  alg=RS256
  sign() { openssl dgst -sha256 -sign "$key" "$file"; }
fi

head=$(printf '{"alg":"%s","typ":"JWT"}' "$alg" | b64url)
claims=$(printf '{"username":%s,"time":%d,"nonce":"%s"}' {{identifier.json}} "$(date +%s)" "$(openssl rand -hex 16)" | b64url)
printf '%s.%s' "$head" "$claims" > "$file"
signature=$(sign | b64url)

curl --silent --show-error --fail-with-body -H "$header: $scheme $head.$claims.$signature" "$url"
