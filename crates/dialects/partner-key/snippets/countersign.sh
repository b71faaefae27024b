# Needs countersign itself; it signs, asks once more when the clock is off, and keeps sessions fresh.
countersign request --dialect partner-key{{settings}} \
  --key {{key_file}} --as {{identifier}} --api-key-file {{companion_file}} \
  GET {{url}}
