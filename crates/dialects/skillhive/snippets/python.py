# pip install cryptography requests
import base64
import json

import requests
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

with open({{key_file}}, "rb") as file:
    key = load_pem_private_key(file.read(), password=None)

url = {{url}}
api_id = {{identifier}}
user = {{acting_as}}
content = ""

text = json.dumps({"url": url, "content": content, "api_id": api_id, "user": user})
signature = base64.b64encode(key.sign(text.encode(), PKCS1v15(), SHA256())).decode()

headers = { {{setting.id_header}}: api_id, {{setting.user_header}}: user, {{setting.signature_header}}: signature }
answer = requests.get(url, data=content, headers=headers, timeout=30)
print(answer.text)
answer.raise_for_status()
