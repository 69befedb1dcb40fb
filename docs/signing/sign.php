<?php
/** Signs a percent-encoded path; $expires is in Unix seconds, and without it the link never expires. */
function sign(string $path, string $key, ?int $expires = null): string
{
    $text = $expires === null ? $path : "$path?exp=$expires";
    $sig = hash_hmac('sha256', $text, $key);
    return $text . ($expires === null ? '?' : '&') . "sig=$sig";
}

echo sign($argv[1], getenv('SIGNING_KEY'), isset($argv[2]) ? (int) $argv[2] : null), "\n";
