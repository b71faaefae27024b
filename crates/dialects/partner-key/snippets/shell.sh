#!/usr/bin/env bash
# Needs openssl and curl. The API key stands in a file of its own.
set -euo pipefail
key={{key_file}}
url={{url}}
api_key=$(tr -d '\r\n' < {{companion_file}})
header={{setting.header}}
api_key_header={{setting.api_key_header}}

b64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }

head=$(printf '{"alg":"RS256","typ":"JWT"}' | b64url)
claims=$(printf '{"iss":%s,"sub":%s,"aud":%s,"exp":%d}' \
  {{setting.issuer.json}} {{setting.make_subject.json}} {{setting.audience.json}} "$(($(date +%s) + 60))" | b64url)
signature=$(printf '%s.%s' "$head" "$claims" | openssl dgst -sha256 -sign "$key" | b64url)

curl --silent --show-error --fail-with-body \
  -H "$header: $head.$claims.$signature" -H "$api_key_header: $api_key" "$url"
