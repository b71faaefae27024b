<?php
// Needs PHP with openssl.
function b64url(string $bytes): string
{
    return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
}

$key = openssl_pkey_get_private(file_get_contents({{key_file}}));
$now = time();
$signed = b64url(json_encode(['alg' => 'RS256', 'typ' => 'JWT'])) . '.'
    . b64url(json_encode(['iss' => {{identifier}}, 'iat' => $now, 'exp' => $now + 600]));
openssl_sign($signed, $signature, $key, OPENSSL_ALGO_SHA256);
$token = $signed . '.' . b64url($signature);

$headers = [{{setting.header}} . ': ' . {{setting.scheme}} . ' ' . $token];
$answer = file_get_contents({{url}}, false, stream_context_create(['http' => ['header' => $headers]]));
if ($answer === false) {
    exit(1);
}
echo $answer;
