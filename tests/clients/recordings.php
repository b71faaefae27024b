<?php
// Skillhive's sample code line by line, sent through a proxy: recordings.php PROXY KEY URL SIGNED_URL, the body on standard input.

error_reporting(E_ALL);
[, $proxy, $key, $url, $signed_url] = $argv;
$content = stream_get_contents(STDIN);
$data = json_encode(['url' => $signed_url, 'content' => $content, 'api_id' => 'c7alice', 'user' => 'carol@example.com']);
$signature = '';
// PHP signs with SHA-1 when no digest is named; the connection of the corpus takes SHA-256 alone.
openssl_sign($data, $signature, file_get_contents($key), OPENSSL_ALGO_SHA256);
$headers = ['Api-Id: c7alice', 'Api-User: carol@example.com', 'Api-Signature: ' . base64_encode($signature), 'Content-Type: application/json'];
$http = ['method' => 'POST', 'header' => $headers, 'content' => $content, 'ignore_errors' => true, 'timeout' => 30,
    'proxy' => "tcp://$proxy", 'request_fulluri' => true];
file_get_contents($url, false, stream_context_create(['http' => $http]));
echo 'PHP ', PHP_MAJOR_VERSION, '.', PHP_MINOR_VERSION, ': json_encode, openssl_sign, HTTP stream';
