<?php
// Needs PHP with openssl.
$url = {{url}};
$api_id = {{identifier}};
$user = {{acting_as}};
$content = '';

$text = json_encode(['url' => $url, 'content' => $content, 'api_id' => $api_id, 'user' => $user], JSON_THROW_ON_ERROR);
$key = openssl_pkey_get_private(file_get_contents({{key_file}}));
openssl_sign($text, $signature, $key, OPENSSL_ALGO_SHA256);

$headers = [
    {{setting.id_header}} . ': ' . $api_id,
    {{setting.user_header}} . ': ' . $user,
    {{setting.signature_header}} . ': ' . base64_encode($signature),
];
$answer = file_get_contents($url, false, stream_context_create(['http' => ['header' => $headers]]));
if ($answer === false) {
    exit(1);
}
echo $answer;
