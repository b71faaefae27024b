# pip install cryptography requests
import requests
from cryptography.hazmat.primitives.serialization import load_pem_private_key

with open({{key_file}}, "rb") as file:
    key = load_pem_private_key(file.read(), password=None)

session = {{session}}
user = {{identifier}}


def post(call, body):
    answer = requests.post(f"{session}/auth/{call}", json=body, timeout=30)
    answer.raise_for_status()
    return answer.json()


# Ask for a challenge, sign its text, and open a session with it.
code = post("code", {"userId": user})["authCode"]
tokens = post("token", {
    "userId": user,
    "authCode": code,
    "signature": key.sign(code.encode()).hex(),
    "key": {{key_base64}},
    "scheme": "ed25519",
})

answer = requests.get({{url}}, headers={"Authorization": "Bearer " + tokens["accessToken"]}, timeout=30)
print(answer.text)
answer.raise_for_status()
