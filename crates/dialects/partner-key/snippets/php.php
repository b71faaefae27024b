<?php
// Needs PHP with openssl. The API key stands in a file of its own.
function b64url(string $bytes): string
{
    return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
}

$key = openssl_pkey_get_private(file_get_contents({{key_file}}));
$api_key = trim(file_get_contents({{companion_file}}));
$claims = [
    'iss' => {{setting.issuer}},
    'sub' => {{setting.make_subject}},
    'aud' => {{setting.audience}},
    'exp' => time() + 60,
];
$signed = b64url(json_encode(['alg' => 'RS256', 'typ' => 'JWT'])) . '.' . b64url(json_encode($claims));
openssl_sign($signed, $signature, $key, OPENSSL_ALGO_SHA256);
$token = $signed . '.' . b64url($signature);

$headers = [{{setting.header}} . ': ' . $token, {{setting.api_key_header}} . ': ' . $api_key];
$answer = file_get_contents({{url}}, false, stream_context_create(['http' => ['header' => $headers]]));
if ($answer === false) {
    exit(1);
}
echo $answer;
