#!/usr/bin/env bash
# Needs openssl and curl.
set -euo pipefail
key={{key_file}}
url={{url}}
header={{setting.header}}
scheme={{setting.scheme}}

b64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }

now=$(date +%s)
head=$(printf '{"alg":"RS256","typ":"JWT"}' | b64url)
claims=$(printf '{"iss":%s,"iat":%d,"exp":%d}' {{identifier.json}} "$now" "$((now + 600))" | b64url)
signature=$(printf '%s.%s' "$head" "$claims" | openssl dgst -sha256 -sign "$key" | b64url)

curl --silent --show-error --fail-with-body -H "$header: $scheme $head.$claims.$signature" "$url"
