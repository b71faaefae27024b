<?php
// Needs PHP with sodium.
$der = base64_decode(preg_replace('/-----[A-Z ]+-----|\s/', '', file_get_contents({{key_file}})));
$seed = substr($der, strpos($der, "\x04\x22\x04\x20") + 4, 32);
$secret = sodium_crypto_sign_secretkey(sodium_crypto_sign_seed_keypair($seed));

/** Sends a request and gives what was answered; ends the program where it was refused. */
function ask(string $url, array $headers, ?array $body = null): string
{
    $http = ['header' => $headers];
    if ($body !== null) {
        $http += ['method' => 'POST', 'content' => json_encode($body, JSON_THROW_ON_ERROR)];
    }
    $answer = file_get_contents($url, false, stream_context_create(['http' => $http]));
    if ($answer === false) {
        exit(1);
    }
    return $answer;
}

// Ask for a challenge, sign its text, and open a session with it.
$json = ['Content-Type: application/json'];
$code = json_decode(ask({{session}} . '/auth/code', $json, ['userId' => {{identifier}}]))->authCode;
$tokens = json_decode(ask({{session}} . '/auth/token', $json, [
    'userId' => {{identifier}},
    'authCode' => $code,
    'signature' => bin2hex(sodium_crypto_sign_detached($code, $secret)),
    'key' => {{key_base64}},
    'scheme' => 'ed25519',
]));

echo ask({{url}}, ['Authorization: Bearer ' . $tokens->accessToken]);
