<?php
// Needs PHP with openssl, and with sodium where the key is an Ed25519 one.
function b64url(string $bytes): string
{
    return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
}

/** Signs with an RSA or Ed25519 key; gives the algorithm's name and what signs. */
function signer(string $pem): array
{
    $der = base64_decode(preg_replace('/-----[A-Z ]+-----|\s/', '', $pem));
    $at = strpos($der, "\x06\x03\x2b\x65\x70\x04\x22\x04\x20");
    if ($at !== false) {
        $secret = sodium_crypto_sign_secretkey(sodium_crypto_sign_seed_keypair(substr($der, $at + 9, 32)));
        return ['EdDSA', fn (string $text): string => sodium_crypto_sign_detached($text, $secret)];
    }
    $key = openssl_pkey_get_private($pem);
    return ['RS256', function (string $text) use ($key): string {
        openssl_sign($text, $signature, $key, OPENSSL_ALGO_SHA256);
        return $signature;
    }];
}

[$alg, $sign] = signer(file_get_contents({{key_file}}));
// The nonce works once: make the token anew for every request.
$claims = ['username' => {{identifier}}, 'time' => time(), 'nonce' => bin2hex(random_bytes(16))];
$signed = b64url(json_encode(['alg' => $alg, 'typ' => 'JWT'])) . '.' . b64url(json_encode($claims));
$token = $signed . '.' . b64url($sign($signed));

$headers = [{{setting.header}} . ': ' . {{setting.scheme}} . ' ' . $token];
$answer = file_get_contents({{url}}, false, stream_context_create(['http' => ['header' => $headers]]));
if ($answer === false) {
    exit(1);
}
echo $answer;
