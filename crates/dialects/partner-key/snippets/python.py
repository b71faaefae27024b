# pip install "pyjwt[crypto]" requests
import time

import jwt
import requests

with open({{key_file}}) as file:
    key = file.read()
with open({{companion_file}}) as file:
    api_key = file.read().strip()

claims = {
    "iss": {{setting.issuer}},
    "sub": {{setting.make_subject}},
    "aud": {{setting.audience}},
    "exp": int(time.time()) + 60,
}
token = jwt.encode(claims, key, algorithm="RS256")

headers = { {{setting.header}}: token, {{setting.api_key_header}}: api_key }
answer = requests.get({{url}}, headers=headers, timeout=30)
print(answer.text)
answer.raise_for_status()
