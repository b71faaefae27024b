# pip install "pyjwt[crypto]" requests
import secrets
import time

import jwt
import requests
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

with open({{key_file}}, "rb") as file:
    key = load_pem_private_key(file.read(), password=None)

# The nonce works once: make the token anew for every request.
claims = {"username": {{identifier}}, "time": int(time.time()), "nonce": secrets.token_hex(16)}
token = jwt.encode(claims, key, algorithm="RS256" if isinstance(key, RSAPrivateKey) else "EdDSA")

answer = requests.get({{url}}, headers={ {{setting.header}}: {{setting.scheme}} + " " + token }, timeout=30)
print(answer.text)
answer.raise_for_status()
