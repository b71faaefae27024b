# Needs countersign itself; it signs, asks once more when the clock is off, and keeps sessions fresh.
countersign request --dialect asymmetric-jwt{{settings}} \
  --key {{key_file}} --as {{identifier}} \
  GET {{url}}
