<?php
// Skillhive as its guide shows it: json_encode and openssl_sign with PHP's own defaults, sent by PHP's own HTTP stream.
//
//   php skillhive.php prepare DIR        makes the keys with the commands of the guide
//   php skillhive.php run PUBLIC DIR     sends every case to the server whose public base address is PUBLIC

error_reporting(E_ALL);
set_error_handler(function (int $level, string $message): bool {
    throw new ErrorException($message, 0, $level);
});

const API_ID = 'c7ds89c7shc7ds98h98';
const MODERN_ID = 'modern-sha256-only';
const OFF_ID = 'switched-off';
const USER = 'testuser@demoskillhive.com';
const SPOOF = 'somebody-else';
const TIMEOUT = 30; // seconds a request may take before the case counts as failed; no case measures time

/** A request as the client means it, and how it is signed and sent. Members left out have the defaults of the guide. */
function request(array $changes = []): array
{
    return $changes + [
        'method' => 'GET', 'path' => '/skillhive/api/user/', 'content' => '', 'api_id' => API_ID, 'user' => USER,
        'key' => 'private_key', 'digest' => null, 'json_flags' => 0,
        // What is sent in place of what was signed; null sends what was signed.
        'sent_path' => null, 'sent_content' => null, 'sent_api_id' => null, 'sent_user' => null, 'signed_base' => null,
        'signature' => null, 'leave_out' => [], 'headers' => [], 'protocol' => null, 'signed_text' => null,
    ];
}

/** The signature of the guide's sample code, line by line. */
function sign(string $base, string $dir, array $r): string
{
    $data = [
        'url' => ($r['signed_base'] ?? $base) . $r['path'],
        'content' => $r['content'],
        'api_id' => $r['api_id'],
        'user' => $r['user'],
    ];
    // For content that is not UTF-8 json_encode gives false, which openssl_sign takes as the empty message: as in the sample.
    $data = $r['signed_text'] ?? json_encode($data, $r['json_flags']);
    $private_key = file_get_contents("$dir/{$r['key']}.pem");
    $signature = '';
    if ($r['digest'] === null) {
        openssl_sign((string) $data, $signature, $private_key);
    } else {
        openssl_sign((string) $data, $signature, $private_key, $r['digest']);
    }
    return base64_encode($signature);
}

/** Signs and sends; returns status, body, and what was meant to arrive. */
function send(string $base, string $dir, array $r): array
{
    $headers = [
        'Api-Id' => $r['sent_api_id'] ?? $r['api_id'],
        'Api-User' => $r['sent_user'] ?? $r['user'],
        'Api-Signature' => $r['signature'] ?? sign($base, $dir, $r),
    ];
    $lines = $r['headers'];
    foreach ($headers as $name => $value) {
        if (!in_array($name, $r['leave_out'], true)) {
            $lines[] = "$name: $value";
        }
    }
    $content = $r['sent_content'] ?? $r['content'];
    if ($content !== '') {
        $lines[] = 'Content-Type: application/json';
    }
    $http = ['method' => $r['method'], 'header' => $lines, 'ignore_errors' => true, 'timeout' => TIMEOUT, 'follow_location' => 0];
    if ($content !== '') {
        $http['content'] = $content;
    }
    if ($r['protocol'] !== null) {
        $http['protocol_version'] = $r['protocol'];
    }
    $path = $r['sent_path'] ?? $r['path'];
    $body = file_get_contents($base . $path, false, stream_context_create(['http' => $http]));
    preg_match('~^HTTP/\S+ (\d{3})~', $http_response_header[0], $found);
    return ['status' => (int) $found[1], 'body' => $body, 'method' => $r['method'], 'target' => $path, 'content' => $content];
}

/** What is wrong with an answer that should be the upstream's echo, or "". */
function upstream_complaint(array $answer, array $wanted): string
{
    if ($answer['status'] !== 200) {
        return "expected 200 from the upstream, found {$answer['status']}: " . substr($answer['body'], 0, 200);
    }
    $echo = json_decode($answer['body'], true);
    if (!isset($echo['headers'], $echo['body_sha256'])) {
        return "expected the upstream's echo, found " . substr($answer['body'], 0, 200);
    }
    $seen = [];
    foreach ($echo['headers'] as [$name, $value]) {
        $seen[strtolower($name)][] = $value;
        if ($value === SPOOF) {
            return "the caller's own identity header $name reached the upstream";
        }
    }
    foreach ($wanted as $name => $value) {
        if (($seen[$name] ?? []) !== [$value]) {
            return "$name: expected \"$value\" once, found " . json_encode($seen[$name] ?? []);
        }
    }
    if (count($seen['x-countersign-key'] ?? []) !== 1 || $seen['x-countersign-key'][0] === '') {
        return 'x-countersign-key: expected one value, found ' . json_encode($seen['x-countersign-key'] ?? []);
    }
    foreach (['method' => $answer['method'], 'target' => $answer['target'], 'body_sha256' => hash('sha256', $answer['content'])] as $member => $value) {
        if ($echo[$member] !== $value) {
            return "$member: sent \"$value\", the upstream saw \"{$echo[$member]}\"";
        }
    }
    return '';
}

/** Runs one case and prints its line. */
function run_case(string $case, string $expect, string $base, string $dir, array $r, array $identity = []): void
{
    global $count;
    $count++;
    $status = null;
    try {
        $answer = send($base, $dir, $r);
        $status = $answer['status'];
        $got = $status === 200 ? 'accept' : 'refuse';
        if ($expect === 'accept') {
            $why = upstream_complaint($answer, $identity + [
                'x-countersign-account' => 'hive', 'x-countersign-identifier' => $r['api_id'],
                'x-countersign-dialect' => 'skillhive', 'x-countersign-acting-as' => $r['user'],
            ]);
        } else {
            $why = $status === 403 ? '' : "expected a refusal with 403, found $status: " . substr($answer['body'], 0, 200);
            if (str_contains($answer['body'], 'body_sha256')) {
                $why = "the refusal carries the upstream's answer";
            }
        }
    } catch (Throwable $error) { // a client that cannot go on is a failed case, never a skipped one
        $got = 'error';
        $why = get_class($error) . ': ' . $error->getMessage();
    }
    $line = ['dialect' => 'skillhive', 'case' => $case, 'expect' => $expect, 'got' => $got, 'status' => $status, 'ok' => $got === $expect && $why === ''];
    if ($why !== '') {
        $line['why'] = $why;
    }
    echo json_encode($line, JSON_INVALID_UTF8_SUBSTITUTE | JSON_UNESCAPED_SLASHES), "\n";
}

/** Makes the keys with the guide's two commands; those that exist stay. */
function prepare(string $dir): void
{
    if (!is_dir($dir)) {
        mkdir($dir, 0700, true);
    }
    foreach (['private_key' => 'public_key', 'next' => 'next.pub', 'modern' => 'modern.pub', 'off' => 'off.pub', 'stranger' => 'stranger.pub'] as $private => $public) {
        if (file_exists("$dir/$public.pem")) {
            continue;
        }
        $in = escapeshellarg("$dir/$private.pem");
        $out = escapeshellarg("$dir/$public.pem");
        exec("openssl genrsa 2048 > $in 2>/dev/null && openssl rsa -in $in -pubout -out $out 2>/dev/null", $ignored, $failed);
        if ($failed) {
            throw new RuntimeException("openssl could not make $dir/$private.pem");
        }
    }
}

function run(string $base, string $dir): void
{
    $accept = fn(string $case, array $changes = [], array $identity = []) => run_case($case, 'accept', $base, $dir, request($changes), $identity);
    $refuse = fn(string $case, array $changes = []) => run_case($case, 'refuse', $base, $dir, request($changes));
    $post = fn(string $content, array $more = []) => $more + ['method' => 'POST', 'content' => $content];

    $accept('GET with the default digest, SHA-1');
    $accept('GET with SHA-256', ['digest' => OPENSSL_ALGO_SHA256]);
    $accept('digest by its name', ['digest' => 'sha256WithRSAEncryption']);
    $accept('SHA-256 at the connection that takes nothing else', ['api_id' => MODERN_ID, 'key' => 'modern', 'digest' => OPENSSL_ALGO_SHA256], ['x-countersign-account' => 'hive-modern']);
    $accept('second key of the connection', ['key' => 'next']);
    $accept('second user of the connection', ['user' => 'second@demoskillhive.com']);
    $accept('the same request again (nothing in it ages)');
    $accept('HTTP/1.0, as PHP before 8 sends', ['protocol' => 1.0]);
    $accept('HTTP/1.0 with a body', $post('{"a":1}', ['protocol' => 1.0]));
    $accept('path without a slash at its end', ['path' => '/skillhive/api/v2/users']);
    $accept('many slashes in the body', $post('{"url":"https://example.com/a/b/c","p":"\\/"}'));
    $accept('umlauts', $post('{"name":"Jörg Müller-Lüdenscheidt, Größe ß"}'));
    $accept('emoji and signs beyond the first plane', $post('{"mood":"😀👩‍👩‍👧 𝄞"}'));
    $accept('line separators and a byte order mark', $post("\u{feff}{\"t\":\"a\u{2028}b\u{2029}c\"}"));
    $accept('quotes, backslashes, controls', $post("\"\\\\\" \x00\x01\x08\x09\x0a\x0c\x0d\x1f\x7f <>&'"));
    $accept('a body that ends in line breaks', $post("{}\r\n\r\n"));
    $accept('numbers in the body stay as sent', $post('{"a":1.0,"b":1e2,"c":0.10,"d":-0}'));
    $accept('a body of 60000 bytes', $post(str_repeat('Ü/', 20000)));
    $accept('a form body', $post('name=J%C3%B6rg&skills[]=php&skills[]=go'));
    $accept('PUT', ['method' => 'PUT', 'content' => '{"name":"ä"}']);
    $accept('DELETE', ['method' => 'DELETE', 'path' => '/skillhive/api/user/7/']);
    $accept('query string', ['path' => '/skillhive/api/user/?page=2&limit=50']);
    $accept('query with brackets', ['path' => '/skillhive/api/search/?skills[]=php&skills[]=c%2B%2B']);
    $accept('query with percent signs as sent', ['path' => '/skillhive/api/search/?q=' . rawurlencode('Müller & Söhne/😀') . '&lower=%c3%bc&plus=a+b']);
    $accept('question mark with nothing after it', ['path' => '/skillhive/api/user/?']);
    $accept('umlauts in the path, percent-encoded', ['path' => '/skillhive/api/user/' . rawurlencode('Jörg') . '/']);
    $accept('umlauts in the path as they are', ['path' => '/skillhive/api/user/Jörg/']);
    foreach (['JSON_UNESCAPED_SLASHES' => JSON_UNESCAPED_SLASHES, 'JSON_UNESCAPED_UNICODE' => JSON_UNESCAPED_UNICODE, 'both' => JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE] as $name => $flags) {
        $accept("json_encode with $name", $post('{"a":"ä/😀"}', ['json_flags' => $flags]));
        $accept("json_encode with $name, SHA-256", $post('{"a":"ä/😀"}', ['json_flags' => $flags, 'digest' => OPENSSL_ALGO_SHA256]));
    }
    $spoofed = ['X-Countersign-Account: ' . SPOOF, 'X-Countersign-Acting-As: ' . SPOOF, 'X-Countersign-Identifier: ' . SPOOF];
    $accept('identity headers sent by the caller', ['headers' => $spoofed]);

    $refuse('other path than signed', ['sent_path' => '/skillhive/api/admin/']);
    $refuse('slash taken from the end', ['sent_path' => '/skillhive/api/user']);
    $refuse('query added', ['sent_path' => '/skillhive/api/user/?all=1']);
    $refuse('query changed', ['path' => '/skillhive/api/user/?id=7', 'sent_path' => '/skillhive/api/user/?id=8']);
    $refuse('query in another order', ['path' => '/skillhive/api/user/?a=1&b=2', 'sent_path' => '/skillhive/api/user/?b=2&a=1']);
    $refuse('percent-encoding spelled otherwise', ['path' => '/skillhive/api/user/?q=%c3%bc', 'sent_path' => '/skillhive/api/user/?q=%C3%BC']);
    $refuse('signed for another scheme', ['signed_base' => str_starts_with($base, 'https:') ? 'http:' . substr($base, 6) : 'https:' . substr($base, 5)]);
    $refuse('signed for another host', ['signed_base' => 'https://demo.skillhive.com']);
    $refuse('Host header of the signed host', ['signed_base' => 'http://demo.skillhive.com', 'headers' => ['Host: demo.skillhive.com']]);
    $refuse('other body than signed', $post('{"amount":1}', ['sent_content' => '{"amount":1000}']));
    $refuse('body spaced otherwise', $post('{"a":1}', ['sent_content' => '{"a": 1}']));
    $refuse('body added to a signed GET', ['method' => 'POST', 'sent_content' => '{"a":1}']);
    $refuse('other user than signed', ['sent_user' => 'second@demoskillhive.com']);
    $refuse('user in capitals', ['sent_user' => strtoupper(USER)]);
    $refuse('unknown user', ['user' => 'nobody@demoskillhive.com']);
    $refuse('a user this connection may not act for', ['user' => 'not-delegated@demoskillhive.com']);
    $refuse('unknown connection', ['api_id' => 'no-such-connection']);
    $refuse('other connection than signed', ['sent_api_id' => MODERN_ID]);
    $refuse('a key nobody registered', ['key' => 'stranger']);
    $refuse('another connection\'s key', ['key' => 'modern', 'digest' => OPENSSL_ALGO_SHA256]);
    $refuse('a key that is switched off', ['api_id' => OFF_ID, 'key' => 'off']);
    $refuse('SHA-1 at the connection that takes SHA-256 alone', ['api_id' => MODERN_ID, 'key' => 'modern']);
    $refuse('MD5', ['digest' => OPENSSL_ALGO_MD5]);
    $refuse('SHA-512', ['digest' => OPENSSL_ALGO_SHA512]);
    $refuse('a body that is not UTF-8, signed as PHP signs it', $post("{\"name\":\"J\xf6rg\"}"));
    $refuse('the signature of the empty message with a good body', $post('{"a":1}', ['signed_text' => '']));
    $refuse('the signature of the empty message with another bad body', $post("\xff\xfe", ['signed_text' => '']));
    $refuse('bare concatenation in place of JSON', ['signed_text' => $base . '/skillhive/api/user/' . API_ID . USER]);
    $good = sign($base, $dir, request());
    $bytes = base64_decode($good);
    $bytes[100] = chr(ord($bytes[100]) ^ 1);
    $refuse('one bit of the signature', ['signature' => base64_encode($bytes)]);
    $refuse('signature in hex', ['signature' => bin2hex(base64_decode($good))]);
    $refuse('signature that is no base64', ['signature' => 'not base64!']);
    $refuse('empty signature', ['signature' => '']);
    foreach (['Api-Id', 'Api-User', 'Api-Signature'] as $name) {
        $refuse("no $name", ['leave_out' => [$name]]);
    }
    $refuse('no credentials at all', ['leave_out' => ['Api-Id', 'Api-User', 'Api-Signature']]);
    $refuse('Api-User twice', ['headers' => ['Api-User: second@demoskillhive.com']]);
    $refuse('Api-Signature twice', ['headers' => ["Api-Signature: $good"]]);
}

$count = 0;
if ($argc === 3 && $argv[1] === 'prepare') {
    prepare("$argv[2]/skillhive");
} elseif ($argc === 4 && $argv[1] === 'run') {
    run(rtrim($argv[2], '/'), "$argv[3]/skillhive");
    echo json_encode(['done' => $count]), "\n";
} else {
    fwrite(STDERR, "wanted `prepare DIR` or `run PUBLIC_URL DIR`\n");
    exit(2);
}
