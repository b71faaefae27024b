# pip install "pyjwt[crypto]" requests
import time

import jwt
import requests

with open({{key_file}}) as file:
    key = file.read()

now = int(time.time())
token = jwt.encode({"iss": {{identifier}}, "iat": now, "exp": now + 600}, key, algorithm="RS256")

answer = requests.get({{url}}, headers={ {{setting.header}}: {{setting.scheme}} + " " + token }, timeout=30)
print(answer.text)
answer.raise_for_status()
