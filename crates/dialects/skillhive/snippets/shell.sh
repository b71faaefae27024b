#!/usr/bin/env bash
# Needs openssl, curl and jq.
set -euo pipefail
key={{key_file}}
url={{url}}
api_id={{identifier}}
user={{acting_as}}
content=''

text=$(jq -cn --arg url "$url" --arg content "$content" --arg api_id "$api_id" --arg user "$user" \
  '{url: $url, content: $content, api_id: $api_id, user: $user}')
signature=$(printf '%s' "$text" | openssl dgst -sha256 -sign "$key" | openssl base64 -A)

curl --silent --show-error --fail-with-body \
  -H {{setting.id_header}}": $api_id" -H {{setting.user_header}}": $user" -H {{setting.signature_header}}": $signature" \
  "$url"
