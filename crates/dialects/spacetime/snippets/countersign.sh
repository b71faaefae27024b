# Needs countersign itself; it signs in, and keeps the session fresh.
countersign request --dialect spacetime{{settings}} \
  --key {{key_file}} --as {{identifier}} --session-server {{session.server}} --session-prefix {{session.prefix}} \
  GET {{url}}
