"""binance-sdk-spot signs with Ed25519 and calls the exchange; what countersign signs is what it sends at that time."""
#: dialect binance
#: pip binance-sdk-spot==13.3.0
#: pip cryptography==42.0.8
#: vendor binance-sdk-spot
from binance_spot import run

run("ed25519")
