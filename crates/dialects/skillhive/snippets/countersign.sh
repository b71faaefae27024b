# Needs countersign itself; it signs, asks once more when the clock is off, and keeps sessions fresh.
countersign request --dialect skillhive{{settings}} \
  --key {{key_file}} --as {{identifier}} --acting-as {{acting_as}} \
  GET {{url}}
